"""The exchange of one repository with its remote: schedule, back-off, and what makes it halt."""
