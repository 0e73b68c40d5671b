"""The meaning of the exit statuses of the daemon, where its log says nothing. Pure."""

ENDS = {
    2: "its configuration has a fault",
    3: "another gitsync runs, or holds one of the repositories",
    70: "a bug in gitsync ended it; the report is in the state directory",
    127: "the program gitsync was not found",
    203: "the program gitsync was not found",
}
