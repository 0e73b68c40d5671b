"""Ends, starves or confuses a whole machine at a chosen system call, and checks what the next start makes of it."""
