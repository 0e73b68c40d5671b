# For Homebrew, in a tap. `brew update-python-resources gitsyncd` writes the resource blocks of these and of what they need:
# watchdog, pygit2, python-daemon, platformdirs, tomlkit, pathspec; jeepney on Linux.
class Gitsyncd < Formula
  include Language::Python::Virtualenv

  desc "Keeps folders versioned and the same on all your machines, with nothing but git"
  homepage "https://pypi.org/project/gitsyncd/"
  url "https://files.pythonhosted.org/packages/source/g/gitsyncd/gitsyncd-@VERSION@.tar.gz"
  sha256 "of the archive that is published"
  license "MIT"

  depends_on "git"
  depends_on "libgit2"
  depends_on "python@3.13"

  def install
    virtualenv_install_with_resources
    man1.install Dir["docs/man/*.1"]
    man5.install Dir["docs/man/*.5"]
    bash_completion.install "contrib/completions/bash/gitsyncctl", "contrib/completions/bash/gitsync"
    zsh_completion.install "contrib/completions/zsh/_gitsyncctl"
    fish_completion.install "contrib/completions/fish/gitsyncctl.fish", "contrib/completions/fish/gitsync.fish"
  end

  service do
    run [opt_bin/"gitsync"]
    keep_alive crashed: true
    environment_variables PATH: std_service_path_env
    log_path var/"log/gitsync.log"
    error_log_path var/"log/gitsync.log"
  end

  test do
    system "git", "init", "-q", testpath/"notes"
    (testpath/"notes/a.txt").write "a"
    system bin/"gitsyncctl", "watch", testpath/"notes"
    system bin/"gitsync", "--once", "-q"
    assert_match "a.txt", shell_output("git -C #{testpath}/notes ls-files")
  end
end
