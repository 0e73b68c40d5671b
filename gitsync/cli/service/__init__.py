"""gitsync as a service of the user's own service manager: systemd or launchd. Runs in the control command alone."""
