"""The threads and what each owns."""
