"""The commands for gitsync as a service, and what is wrong with it."""

from __future__ import annotations

from gitsync.control.table import FLAG, LOOK, NAMES, PATH, TEXT, Command, Parameter

ROWS: tuple[Command, ...] = (
    Command(
        "service",
        "have gitsync started with your session, by systemd or launchd",
        Parameter(
            "action",
            TEXT,
            choices=("install", "uninstall", "status"),
            is_required=True,
            help="install: write it, start it and ask it; uninstall: stop and remove it; status: show its state",
        ),
        Parameter("yes", FLAG, "--yes", help="lift a mask of the service without a question"),
        Parameter("web", FLAG, "--web", help="with install: have the page at a fixed address, too (systemd)"),
        epilog="gitsyncctl service install\ngitsyncctl service status --json | jq .pid\ngitsyncctl service uninstall",
    ),
    Command(
        "doctor",
        "check all that gitsync needs, where the daemon runs, and how to fix it; exit 1 for a problem",
        NAMES,
        handler="doctor",
        epilog="gitsyncctl doctor\ngitsyncctl doctor notes\n"
        "gitsyncctl doctor --json | jq '.checks[] | select(.state != \"ok\")'",
        without_daemon=LOOK,
        timeout_s=90.0,
    ),
    Command(
        "explain",
        "say why a file is or is not committed, and what to do about it",
        Parameter(
            "path", PATH, metavar="PATH", is_required=True, help="a file or a directory, there or not; also NAME:path"
        ),
        handler="explain",
        epilog="gitsyncctl explain ~/Notes/video.mp4\ngitsyncctl explain notes:build/out.log\n"
        "gitsyncctl explain ~/Notes/todo.txt --json | jq -r .code",
        without_daemon=LOOK,
        timeout_s=60.0,
    ),
    Command(
        "completion",
        "print the script that makes your shell complete gitsyncctl's command lines",
        Parameter("shell", TEXT, choices=("bash", "zsh", "fish"), is_required=True, help="for which shell"),
        epilog="gitsyncctl completion bash\n"
        "gitsyncctl completion zsh\n"
        "gitsyncctl completion fish >~/.config/fish/completions/gitsyncctl.fish",
        about="""\
For bash, put into ~/.bashrc: eval "$(gitsyncctl completion bash)"

For zsh, into ~/.zshrc after compinit: source <(gitsyncctl completion zsh)

For fish, write it to the file of the last example.""",
    ),
    Command(
        "setup",
        "be led through the first steps by questions; each asks before it writes",
        Parameter("window", FLAG, "--window", help="do it on a page in the browser, which gitsyncctl web serves"),
        epilog="gitsyncctl setup\ngitsyncctl setup --window",
        about="""\
The steps: who you are; what the programs before gitsync left; directories to
watch; files of your home directory; jobs with a server; the service. Each
may be left out, and each shows the command that it would run. Called again,
it shows what there is, and adds to it.

Ctrl-C or Ctrl-D leaves at any question. The end says what was done, and the
commands that undo it. It exits with 1 when something that was wanted could
not be done.""",
    ),
    Command(
        "web",
        "open the page that shows history in a browser: see, find and bring back any moment",
        Parameter("port", TEXT, "--port", metavar="N", help="the port to listen on (default: a free one)"),
        Parameter("no_browser", FLAG, "--no-browser", help="print the address, and open no browser"),
        Parameter(
            "listen", TEXT, "--listen", metavar="ADDR", help="another address than 127.0.0.1; needs the next three"
        ),
        Parameter("password_file", PATH, "--password-file", metavar="FILE", help="the password, in its first line"),
        Parameter("certificate", PATH, "--certificate", metavar="FILE", help="the certificate for TLS, as PEM"),
        Parameter("key", PATH, "--key", metavar="FILE", help="the key of the certificate, as PEM"),
        epilog="gitsyncctl web\ngitsyncctl web --port 8080 --no-browser",
        about="""\
The page is on this machine alone, and for you alone: the address that is
printed holds a token, which opens the page once. It works without a daemon
as well as gitsyncctl does. It needs the extra [web] of the package. Where it
is a service (gitsyncctl service install --web), that one is opened.""",
    ),
)
