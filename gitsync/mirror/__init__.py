"""Home files and their mirror: what both hold, how one is put in the place of the other, what was last alike.

The mirror is an ordinary git work tree in which a tracked file has the path that it has below home. What runs here
runs on the committer thread, for `gitsync.engine.repository.home`; `gitsync.core.dotfiles` decides and these do it:

    home_paths       which paths may be tracked, and what a person's path is called below home
    observe          what is at a path, on either side: `Looker.look(path)` gives a `Seen`
    manifests        reads, repairs and writes the manifest in the mirror
    agreed_versions  what home and mirror had when they were last equal, kept over a restart
    shared_files     which file both names of a path share, kept over a restart
    place            puts contents in the place of others, below home or the mirror, so that no version is lost
    walk             which files there are below a tracked directory
    mirror_sync      all of that together for one mirror
    quick_look       whether a path is new, or needs nothing, by stat data alone
    judge            what is not in order, for `status`
    from_home        home's changes into the mirror; the caller commits `Brought.paths`
    to_home          what was committed since into home; hands back what both sides changed
    relist           what the manifest says of files that come back into the mirror
    untrack          takes entries out of the manifest and their files out of the mirror

Beside `backends`: neither imports the other.
"""
