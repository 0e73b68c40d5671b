"""The guided setup: steps that are written once, and the two faces they have. The control command's only thread."""
