"""The page of `gitsyncctl web`: a process of its own that shows history in a browser and acts through gitsync.

How a page is added:

1. A module in `gitsync/web/pages` with its handlers, and `PAGES`, a tuple of `Page(path, handler)`; a handler that
   changes something is `Page(path, handler, POST)`. A handler gets an `Asked` (`web/page.py`): its parameters, the
   gateway to gitsync (`asked.gateway.ask("status")`), and `asked.render("NAME.html", ...)`. It runs on a worker thread,
   so it may block; it raises GitsyncError for what the user should read.
2. A template `gitsync/web/templates/NAME.html` that extends that of all pages, templates/base.html. Every text is
   escaped by itself, control characters too. There is no inline style or script: the policy forbids both, so
   `static/style.css` is the one sheet, and a script is a module `static/NAME.js` that the template names in its block
   `scripts`. A path goes into an address by `address("/file", repo=..., path=...)`, never into a hidden field.
3. Its line in `MODULES` of `gitsync/web/table.py`, and, to be in the navigation, a `Link` in that module's `LINKS`.

Login, Host, the origin of a change and the headers of every response are the business of `web/guard.py` alone, which
is around all pages: no page can leave them out.
"""
