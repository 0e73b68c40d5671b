"""A repository as one thread sees it; the only place that meets pygit2."""
