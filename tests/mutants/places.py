"""The faults, each a piece of text that is replaced by another, with the test that has to fail then.

`docs/design/invariants.rst` lists the promises with their tests. The end of a test's name may be left out, as pytest
allows for parameters.
"""

# ruff: noqa: E501 - each piece of text is that of the program

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """A fault in the file `path`: `old` occurs once in it, and `new` breaks the promise."""

    promise: str
    path: str
    old: str
    new: str
    test: str

    def applied(self, text: str) -> str:
        """Return the text of the file with the fault in it."""
        assert text.count(self.old) == 1, f"{self.path} has not exactly one: {self.old}"
        return text.replace(self.old, self.new)


MUTATIONS = (
    Mutation(
        "An edit that is saved while a pull is applied survives, and is committed.",
        "gitsync/git/applying/writer.py",
        "        elif replaced != step.base:\n",
        "        elif False:\n",
        "tests/property/test_integrate_deaths.py::test_an_edit_at_every_point_survives[False-a.txt-in_place]",
    ),
    Mutation(
        "An edit that is saved while a pull is applied survives, and is committed.",
        "gitsync/git/applying/writer.py",
        "            self._rescue(step.path, temporaries.read(self._root, step.temp))\n",
        "            pass\n",
        "tests/property/test_integrate_deaths.py::test_two_versions_without_a_place_are_both_kept",
    ),
    Mutation(
        "An interrupted pull is completed or rolled back before anything is scanned.",
        "gitsync/git/applying/apply.py",
        "    if noted is None:\n        return Recovered()\n",
        "    return Recovered()\n",
        "tests/unit/engine/repository/test_integrate.py::test_a_pull_that_was_left_half_way_is_mended_before_anything_is_committed",
    ),
    Mutation(
        "An interrupted pull is completed or rolled back before anything is scanned.",
        "gitsync/git/applying/apply.py",
        "            noted = applier.journal = noted.swapping()\n            journal.write(worktree.repo_state_dir, noted)\n",
        "            noted = applier.journal = noted.swapping()\n",
        "tests/property/test_integrate_deaths.py::test_death_at_every_point",
    ),
    Mutation(
        "An interrupted pull is completed or rolled back before anything is scanned.",
        "gitsync/git/applying/journal.py",
        '        raise OperationError(\n            f"cannot read the journal',
        '        return None\n        raise OperationError(\n            f"cannot read the journal',
        "tests/unit/git/applying/test_journal.py::test_a_bad_one_stops",
    ),
    Mutation(
        "No file is written or read through a symbolic link.",
        "gitsync/git/applying/directories.py",
        "OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC\n",
        "OPEN_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC\n",
        "tests/unit/git/applying/test_writer.py::test_nothing_is_beyond_a_link",
    ),
    Mutation(
        "A directory that was moved is not taken for the one at its path.",
        "gitsync/git/applying/directories.py",
        "        if known.inode != facts.st_ino or known.device != facts.st_dev:\n",
        "        if False:\n",
        "tests/property/test_directories.py::test_a_kept_handle_is_the_one_that_its_path_leads_to",
    ),
    Mutation(
        "A version that another program changed since the look is not removed unread.",
        "gitsync/git/applying/atomic_replace.py",
        "        return identity(self.facts) == identity(facts)\n",
        "        return True\n",
        "tests/property/test_directories.py::test_a_known_version_is_the_one_that_a_look_finds",
    ),
    Mutation(
        "Nothing is renamed onto a file that is not known.",
        "gitsync/git/applying/atomic_replace.py",
        "            _renameat2(source_at, name, target_at, new, _NOREPLACE)\n",
        "            _renameat2(source_at, name, target_at, new, 0)\n",
        "tests/unit/git/applying/test_writer.py::test_exchange_and_move",
    ),
    Mutation(
        "A file that a program has open for writing is not replaced.",
        "gitsync/git/applying/atomic_replace.py",
        "        return True if error.errno == errno.EAGAIN else None",
        "        return None",
        "tests/unit/git/applying/test_apply_ways.py::test_a_file_that_is_open_for_writing_waits",
    ),
    Mutation(
        "A commit counts once its branch was read back.",
        "gitsync/git/objects/branch_move.py",
        "        if error is None and tip_of(self._repository, self._branch) == self._old:",
        "        if False:",
        "tests/unit/git/objects/test_commits.py::test_a_branch_that_is_not_where_it_was_moved_to_is_no_commit",
    ),
    Mutation(
        "A branch is moved only from where it was seen.",
        "gitsync/git/objects/branch_move.py",
        "            if tip_of(self._repository, self._branch) != self._old:",
        "            if False:",
        "tests/unit/git/objects/test_commits.py::test_a_branch_that_moved_in_the_last_moment_is_left_there",
    ),
    Mutation(
        "A branch is moved only from where it was seen.",
        "gitsync/git/objects/commits.py",
        "            if str(reference.raw_target) != old:",
        "            if False:",
        "tests/unit/git/objects/test_commits.py::test_a_branch_moves_only_from_where_it_was_seen",
    ),
    Mutation(
        "The index gets the committed entries, and no others.",
        "gitsync/git/staging/worktree.py",
        "        new = {change.path: _new_entry(change) for change in changes}",
        "        new = {change.path: _new_entry(change) for change in staged.changes}",
        "tests/unit/git/objects/test_commits.py::test_one_batch_may_become_a_commit_a_file",
    ),
    Mutation(
        "Nothing is committed from a root that is another directory than before.",
        "gitsync/git/staging/worktree.py",
        "        self._check_root()\n        base =",
        "        base =",
        "tests/unit/git/objects/test_commits.py::test_a_root_that_was_replaced_is_not_touched",
    ),
    Mutation(
        "Nothing is committed from a root that is another directory than before.",
        "gitsync/git/staging/read.py",
        "        if self._identity != (facts.st_dev, facts.st_ino):",
        "        if False:",
        "tests/unit/git/staging/test_read.py::test_a_root_that_was_replaced_is_refused",
    ),
    Mutation(
        "A file is read whole, or later.",
        "gitsync/git/staging/read.py",
        "        kind = FoundKind.FILE if same else FoundKind.LATER",
        "        kind = FoundKind.FILE",
        "tests/unit/git/staging/test_read.py::test_a_file_that_changes_while_it_is_read_is_later_or_as_it_is",
    ),
    Mutation(
        "A file that a program has open for writing is committed later.",
        "gitsync/git/staging/read.py",
        "        if not is_forced and _is_being_written(handle):\n",
        "        if False:\n",
        "tests/unit/git/staging/test_read.py::test_an_open_writer_is_noticed_and_a_reader_is_not",
    ),
    Mutation(
        "A path that cannot be read is not a deletion.",
        "gitsync/git/staging/read.py",
        "    return Found(FoundKind.UNREADABLE, reason=error.strerror or str(error))",
        "    return Found(FoundKind.ABSENT)",
        "tests/unit/git/staging/test_read.py::test_trouble_is_never_an_absence",
    ),
    Mutation(
        "Times within one tick of the clock prove nothing.",
        "gitsync/git/staging/read.py",
        "        return facts is None or facts.st_ctime_ns >= int(self._clock.wall() * 1e9) - TICK_NS",
        "        return False",
        "tests/unit/git/staging/test_read.py::test_fresh_stat_data_is_not_trusted",
    ),
    Mutation(
        "The empty moment of a rewritten file is not committed.",
        "gitsync/engine/repository/left_out.py",
        "        return frozenset(path for path, tries in self._forced_tries.items() if tries >= EMPTY_TRIES)",
        "        return frozenset(self._forced_tries)",
        "tests/unit/engine/test_committer.py::test_a_file_that_is_empty_whenever_it_is_looked_at_is_committed_after_three_times_max_wait",
    ),
    Mutation(
        "A file that is empty whenever it is looked at is committed after three times max_wait.",
        "gitsync/engine/repository/left_out.py",
        "self._forced_tries.get(path, 0) + 1 for",
        "self._forced_tries.get(path, 0) for",
        "tests/unit/engine/test_committer.py::test_a_file_that_is_empty_whenever_it_is_looked_at_is_committed_after_three_times_max_wait",
    ),
    Mutation(
        "A batch is due after its quiet period, at the latest after max_wait.",
        "gitsync/core/debounce.py",
        "    return min(last_at + quiet, first_at + max_wait)",
        "    return last_at + quiet",
        "tests/unit/core/test_debounce.py::test_notes_without_end_are_due_at_the_cap",
    ),
    Mutation(
        "Mass deletions and emptied roots wait for a person.",
        "gitsync/core/safety.py",
        "    if removed <= SMALL_DELETION or removed <= share * tracked:\n        return None",
        "    return None",
        "tests/unit/core/test_safety.py::test_more_than_the_share_and_over_twenty_stops",
    ),
    Mutation(
        "Mass deletions and emptied roots wait for a person.",
        "gitsync/core/safety.py",
        "    if is_empty and tracked > SMALL_TREE:",
        "    if False:",
        "tests/unit/core/test_safety.py::test_an_emptied_root_stops_but_the_only_file_may_be_deleted",
    ),
    Mutation(
        "Mass deletions and emptied roots wait for a person.",
        "gitsync/core/safety.py",
        "    if removed < tracked or tracked <= SMALL_TREE:\n        return None",
        "    return None",
        "tests/unit/engine/repository/test_home.py::test_all_files_gone_from_home_wait_for_a_person",
    ),
    Mutation(
        "An answer holds for its question alone.",
        "gitsync/core/questions.py",
        "    asked = [question for question in questions if question.id in wanted] if wanted else list(questions)",
        "    asked = list(questions)",
        "tests/unit/core/test_questions.py::test_an_answer_with_an_id_is_for_that_question_alone",
    ),
    Mutation(
        "Nothing leaves home that was not agreed to on this machine.",
        "gitsync/core/agreement.py",
        "        return path in self.paths or any(above in self.paths for above in _above(path))\n\n    def is_declined",
        "        return True\n\n    def is_declined",
        "tests/unit/engine/repository/test_home_agreement.py::test_nothing_is_sent_that_only_another_machine_tracks",
    ),
    Mutation(
        "Files that run code or open a door ask when they arrive the first time.",
        "gitsync/core/incoming.py",
        '    return next((why for why, pattern in patterns if pattern.fullmatch(path)), "")',
        '    return ""',
        "tests/unit/engine/repository/test_home_agreement.py::test_what_runs_code_asks_even_in_an_agreed_directory",
    ),
    Mutation(
        "Names that a file system takes for .git are refused.",
        "gitsync/git/merging/unsafe_trees.py",
        '    if plain.lower() == ".git" or _NTFS.fullmatch(name):',
        '    if plain.lower() == ".git":',
        "tests/unit/git/merging/test_plan.py::test_refused_names",
    ),
    Mutation(
        "A push does not bring back a branch that was deleted or rewritten.",
        "gitsync/git/remote/transport.py",
        '    lease = [] if expected is None else [f"--force-with-lease=refs/heads/{branch}:{expected}"]',
        "    lease: list[str] = []",
        "tests/unit/engine/exchange/test_halts.py::test_a_push_alone_does_not_make_anew_what_is_gone",
    ),
    Mutation(
        "A check of the remote that was cut off decides nothing.",
        "gitsync/engine/exchange/exchanger.py",
        "            if not self.is_cancelled:  # what a look that was cut off seems to say is not to be remembered\n",
        "            if True:\n",
        "tests/unit/engine/exchange/test_halts.py::test_a_question_that_was_cut_off_after_a_refused_push_halts_nothing",
    ),
    Mutation(
        "After a failure that lasts, a work tree is opened again.",
        "gitsync/engine/repository/steps.py",
        "        repo.drop_staging()\n        repo.close_worktree()\n",
        "        repo.drop_staging()\n",
        "tests/unit/engine/test_committer.py::test_after_a_failure_that_lasts_the_work_tree_is_opened_again",
    ),
    Mutation(
        "Notes are bounded: too many become one scan.",
        "gitsync/watch/buffer.py",
        "        if apart > self._limit:",
        "        if False:",
        "tests/unit/watch/test_buffer.py::test_more_than_the_limit_collapses_into_a_reason_to_look_at_everything",
    ),
    Mutation(
        "Notes are bounded: too many become one scan.",
        "gitsync/watch/buffer.py",
        "            self._last_at = noted.last_at if was_empty else max(self._last_at, noted.last_at)\n            self._collapse()",
        "            self._last_at = noted.last_at if was_empty else max(self._last_at, noted.last_at)",
        "tests/unit/watch/test_buffer.py::test_giving_back_more_than_the_limit_collapses_too",
    ),
    Mutation(
        "A jump of the clock is noticed.",
        "gitsync/watch/outside.py",
        "        return News(has_changed, has_jumped, self._other in ready)",
        "        return News(has_changed, False, self._other in ready)",
        "tests/unit/watch/test_outside.py::test_a_jump_of_the_clock_is_heard_once",
    ),
    Mutation(
        "A clock that was set back delays nothing.",
        "gitsync/git/open_commit.py",
        "0 <= index_age_s < staged_s",
        "index_age_s < staged_s",
        "tests/unit/git/test_open_commit.py::test_a_staged_file_is_waited_for_a_moment_and_not_when_the_clock_was_set_back",
    ),
    Mutation(
        "Nothing is changed while the user's own git operation is open.",
        "gitsync/engine/repository/preconditions.py",
        '    reason = open_operation_reason(facts.open_operation) if facts.open_operation else ""',
        '    reason = ""',
        "tests/unit/engine/repository/test_preconditions.py::test_an_open_operation_holds_and_then_goes_on",
    ),
    Mutation(
        "Paths that the user has staged are left alone.",
        "gitsync/git/applying/preflight.py",
        "                self._report.blocked[path] = STAGED",
        "                pass",
        "tests/unit/git/applying/test_apply_ways.py::test_what_the_user_staged_is_left",
    ),
    Mutation(
        "Nothing is written into a directory that is a repository of its own by now.",
        "gitsync/git/applying/hidden.py",
        "    nested = inside(worktree.root, paths)\n",
        "    nested = inside(worktree.root, [])\n",
        "tests/unit/engine/repository/test_integrate.py::test_a_pull_writes_nothing_into_a_directory_that_is_a_repository_by_now",
    ),
    Mutation(
        "A lock is removed only when no process can hold it.",
        "gitsync/git/dead_locks.py",
        "    if wall - facts.st_mtime <= HELD_S or _is_on_network(facts.st_dev):\n        return False",
        "    if _is_on_network(facts.st_dev):\n        return False",
        "tests/unit/git/test_dead_locks.py::test_a_lock_of_a_moment_ago_may_be_held",
    ),
    Mutation(
        "A lock is removed only when no process can hold it.",
        "gitsync/git/dead_locks.py",
        '    return not any(held.is_by(pid) for pid in os.listdir("/proc") if pid.isdigit())',
        "    return True",
        "tests/unit/git/test_dead_locks.py::test_whoever_has_it_open_holds_it",
    ),
    Mutation(
        "The lock of a running gitsync is left alone.",
        "gitsync/git/index/lock.py",
        "            if lock != self.path or not is_gone(owner):\n                continue",
        "            if lock != self.path:\n                continue",
        "tests/unit/git/index/test_lock.py",
    ),
    Mutation(
        "An index that a power cut emptied is rebuilt.",
        "gitsync/git/staging/worktree.py",
        "            except CorruptIndexError:  # a power cut",
        "            except ZeroDivisionError:  # a power cut",
        "tests/unit/git/objects/test_ref_locks.py::test_an_index_that_a_power_cut_emptied_after_the_branch_had_moved_is_rebuilt",
    ),
    Mutation(
        "A conflict copy does not take a name that is taken.",
        "gitsync/core/conflict.py",
        "        if not is_taken(found):\n            return found",
        "        return found",
        "tests/unit/core/test_conflict.py::test_a_name_that_is_taken_gets_more_of_the_id",
    ),
    Mutation(
        "Names are escaped before they reach a terminal.",
        "gitsync/text.py",
        '    return "".join(char if char.isprintable() else _escaped(char) for char in text)',
        "    return text",
        "tests/property/test_core.py::test_different_names_look_different_and_nothing_acts",
    ),
    Mutation(
        "One process has the lock of a user's daemon.",
        "gitsync/daemon/lock.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n        except BlockingIOError:\n            holder = os.pread",
        "            pass\n        except BlockingIOError:\n            holder = os.pread",
        "tests/unit/daemon/test_lock.py::test_the_second_one_is_told_the_pid_of_the_first",
    ),
    Mutation(
        "A request that is too long gets an error.",
        "gitsync/control/wire.py",
        "MAX_LINE = 1 << 20",
        "MAX_LINE = 1 << 30",
        "tests/unit/control/test_wire.py::test_the_limit_is_a_megabyte_without_the_newline",
    ),
    Mutation(
        "The control socket serves its user alone.",
        "gitsync/control/server.py",
        "        if uid not in (0, os.geteuid()):",
        "        if False:",
        "tests/integration/test_control_socket.py::test_another_user_is_not_served",
    ),
    Mutation(
        "Beyond the limit the idlest connection makes room.",
        "gitsync/control/server.py",
        "        if len(self._connections) >= self._most and not self._drop_idlest():",
        "        if len(self._connections) >= self._most:",
        "tests/integration/test_control_server.py::test_beyond_the_limit_the_idlest_makes_room",
    ),
    Mutation(
        "The PID file follows no link, and is its user's alone.",
        "gitsync/daemon/pidfile.py",
        "os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC",
        "os.O_CREAT | os.O_CLOEXEC",
        "tests/unit/daemon/test_pidfile.py::test_a_link_is_not_followed",
    ),
    Mutation(
        "The PID file follows no link, and is its user's alone.",
        "gitsync/daemon/pidfile.py",
        "        os.fchmod(handle, 0o600)\n",
        "",
        "tests/unit/daemon/test_pidfile.py::test_a_file_that_others_could_read_is_the_owners_alone",
    ),
    Mutation(
        "A backup ref that alone holds a version is kept.",
        "gitsync/git/objects/refs.py",
        "(place >= KEEP_NEWEST and head is not None and is_ancestor(repo, item.commit, head))",
        "place >= KEEP_NEWEST",
        "tests/unit/git/objects/test_refs.py::test_expiry",
    ),
)
