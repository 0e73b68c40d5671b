from __future__ import annotations

from gitsync.config.lines import Span, locate

TEXT = '''\
# a comment = "with = signs" and [brackets]
top = 1

[defaults] # [not.this]
quiet = "2s"  # key = 1
message = """
[[repo]]
path = "no"
"""
include = [
    "a", # ]
    'b]',
]
"odd \\u0041key" = 3
a.b.c = 1
    indented = { x = "}", y = [1] }

[[repo]]
path = "/a"
[repo.conflict_paths]
"*.log" = "ours"
[[ repo ]]
'path' = "/b"

[ daemon ]
last = "x"
'''


def test_every_table_and_key_has_its_lines() -> None:
    spans = {where: (span.first, span.last) for where, span in locate(TEXT).items()}
    assert spans == {
        ("top",): (2, 2),
        ("defaults",): (4, 4),
        ("defaults", "quiet"): (5, 5),
        ("defaults", "message"): (6, 9),
        ("defaults", "include"): (10, 13),
        ("defaults", "odd Akey"): (14, 14),
        ("defaults", "a"): (15, 15),
        ("defaults", "a", "b"): (15, 15),
        ("defaults", "a", "b", "c"): (15, 15),
        ("defaults", "indented"): (16, 16),
        ("repo",): (18, 18),
        ("repo", 0): (18, 18),
        ("repo", 0, "path"): (19, 19),
        ("repo", 0, "conflict_paths"): (20, 20),
        ("repo", 0, "conflict_paths", "*.log"): (21, 21),
        ("repo", 1): (22, 22),
        ("repo", 1, "path"): (23, 23),
        ("daemon",): (25, 25),
        ("daemon", "last"): (26, 26),
    }


def test_lines_end_with_a_carriage_return_too() -> None:
    spans = locate('a = """\r\nx"""\r\n[b]\r\nc = 1')
    assert spans[("b", "c")] == Span(4, 4)
    assert spans[("b",)] == Span(3, 3, is_header=True)


def test_quotes_at_the_end_of_a_long_text_belong_to_it() -> None:
    spans = locate('a = """"x"""""\nb = \'\'\'\'x\'\'\'\'\'\nc = "\\"#"\nd = \'#\' # x\ne = 1\n')
    assert {where[0]: span.first for where, span in spans.items()} == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_a_text_that_is_no_toml_ends_the_scan_and_nothing_else() -> None:
    assert locate("a = 1\n!!!\nb = 2").keys() == {("a",)}
    assert locate("") == {}
    assert locate("[") == {}
    assert locate('a = "') == {("a",): Span(1, 1)}
