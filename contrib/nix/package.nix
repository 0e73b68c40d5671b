# For Nix: nix-build --expr '(import <nixpkgs> { }).callPackage ./contrib/nix/package.nix { }'
{ lib, python3Packages, git, openssh, makeWrapper }:

python3Packages.buildPythonApplication {
  pname = "gitsyncd";
  version = lib.head (builtins.match ".*VERSION = \"([^\"]+)\".*" (builtins.readFile ../../gitsync/version.py));
  pyproject = true;
  src = lib.cleanSource ../..;

  build-system = [ python3Packages.setuptools ];
  dependencies = with python3Packages; [
    jeepney
    pathspec
    platformdirs
    pygit2
    python-daemon
    tomlkit
    watchdog
  ];
  optional-dependencies.web = with python3Packages; [ jinja2 pygments starlette uvicorn ];

  # git and ssh are children of the daemon; a service has no PATH of a terminal.
  makeWrapperArgs = [ "--suffix" "PATH" ":" (lib.makeBinPath [ git openssh ]) ];
  # The tests drive sshd, systemd and more, which a build has not.
  doCheck = false;
  pythonImportsCheck = [ "gitsync" ];

  postInstall = ''
    install -Dm644 contrib/desktop/org.gitsync.gitsync.desktop -t $out/share/applications
    install -Dm644 gitsync/web/static/icon.svg $out/share/icons/hicolor/scalable/apps/org.gitsync.gitsync.svg
  '';

  meta = {
    description = "Keeps folders versioned and the same on all your machines, with nothing but git";
    license = lib.licenses.mit;
    mainProgram = "gitsyncctl";
    platforms = lib.platforms.unix;
  };
}
