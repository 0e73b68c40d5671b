"""The one place that holds the version; packaging, both programs and the protocol read it from here."""

VERSION = "0.1.0"
