"""What git checks of objects that come from elsewhere, before it stores them.

`transfer.fsckObjects` is more than `git pull` does by default: it is kept for what leads a checkout astray (names like
.git, links called .gitmodules, trees that are none). Faults that old tools wrote into commits and trees, and those that
git itself only warns about, are accepted, as by `git pull`. Unknown names are passed over by older gits. A person's own
fetch.fsck.* counts for everything else, and their fetch.fsckObjects for all.
"""

from __future__ import annotations

_TAKEN = (
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "extraHeaderEntry",
    "gitattributesBlob",
    "gitattributesLarge",
    "gitattributesLineLength",
    "gitattributesMissing",
    "gitattributesSymlink",
    "gitignoreSymlink",
    "gitmodulesBlob",
    "gitmodulesLarge",
    "gitmodulesMissing",
    "gitmodulesName",
    "gitmodulesParse",
    "gitmodulesPath",
    "gitmodulesUpdate",
    "gitmodulesUrl",
    "mailmapSymlink",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "nulInCommit",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)

# The same for `git index-pack --strict`.
TAKEN = ",".join(f"{name}=ignore" for name in _TAKEN)
# "key=value" of git's configuration, for every command that receives objects.
SETTINGS = ("transfer.fsckObjects=true", *(f"fetch.fsck.{name}=ignore" for name in _TAKEN))
