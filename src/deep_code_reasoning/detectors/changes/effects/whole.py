"""Data held as a whole: read at once instead of in pieces, kept beside its successor, sent within something else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..code import is_log_statement, without_strings
from ..diff import Hunk
from ..effect import Effect, each_hunk

_IN_PIECES: Final = re.compile(
    r"\.(?:read|fread)\(\s*\w+\s*\)|\biter_(?:content|bytes|lines|chunks)\b|\bstream\s*[=:]\s*[Tt]rue|\bio\.Copy\w*\(|\.pipe\w*\(|\bpipeline\(|createReadStream|StreamingHttp\w*"
    r"|\.readLine\(|\.each_line\b|\bfgets\(|\bfread\(|\.transferTo\(|CopyTo(?:Async)?\(|\bNewDecoder\(|\bbufio\.New\w+|\bBufReader\b|\bfor\s+(?:await\s+)?(?:\(?\s*(?:const|let)\s+)?"
    r"\w*(?:line|chunk|row|record|part)\w*\s+(?:in|of)\b|\bfind_each\b|\bfind_in_batches\b|\.iterator\(|\byield_per\(|\bcursor\(|AsAsyncEnumerable|\.chunk\(|\.lazy\b|\.cursor\(|Files\.lines\("
    r"|\bfetchmany\(|\bScanner\b|\bSAX|XmlReader|StreamReader|JsonParser|ijson|iterparse|useLines|forEachLine|\.chunks\("
)
_AT_ONCE: Final = re.compile(
    r"\.read\(\s*\)|\bReadAll\w*\(|\breadAllBytes\(|\breadFile(?:Sync)?\(|\bfile_get_contents\(|\bstream_get_contents\(|\.(?:text|arrayBuffer|blob|json|bytes|content)\(\s*\)|\.content\b"
    r"|\bReadToEnd\w*\(|\.readlines\(\s*\)|\bread_to_(?:end|string)\(|\bfetchall\(|\bToList(?:Async)?\(|\btoList\(|\blist\(|\.to_a\b|\breadText\(|\breadBytes\(|\bread_text\(|\bread_bytes\("
    r"|\bos\.ReadFile\(|\bIO\.read\(|\bFile\.read\b|\bcollect\w*\(|\bgetBytes\(|\breadAllLines\(|\breadString\(|\btoByteArray\(|\bfile\(|\.all\(\s*\)|Array\.from\(|\bBuffer\.concat\("
    r"|\bjson\.load\(|\bminidom|\bparse\(\s*\w+\s*\)|\bfs::read"
)
# `previous = current`, `old.Store(cur.Load())`: what took its place no longer frees it.
_PREVIOUS: Final = re.compile(
    r"(?i)(?:(?:\w+(?:\.|->)|[@$_])\w*?)?\b_?(?:old|prev(?:ious)?|last|former|backup|before|shadow|undo|fallback)\w*"
    r"(?:\s*=(?!=)\s*(?:(?:self|this|\w{1,3})(?:\.|->)|@|\$this->|_)\w+\s*;?$|\.(?:store|set|swap)\(\s*[\w.]+\.(?:load|get)\(\)\s*\))"
)
_MEMBER: Final = re.compile(r"^[\"']?(\w+)[\"']?\s*(?::|=>|=)\s*(.+?),?$")
_TEXT_OF_ALL: Final = (
    r"(?:json\.dumps|JSON\.stringify|json_encode|to_json|toJson|writeValueAsString|Serialize|json\.Marshal|serialize|base64\w*|b64encode|repr|str)\w*\(\s*\$?{0}\s*[,)]"
    r"|^\$?{0}$|\b{0}\.(?:to_json|as_json|to_h|model_dump|dict|toJSON|attributes|raw|body|getBytes)\b"
)


def _read(hunk: Hunk) -> Iterator[Effect]:
    pieces = [line for line in hunk.removed if _IN_PIECES.search(without_strings(line.code))]
    if not pieces or any(_IN_PIECES.search(without_strings(line.code)) for line in hunk.added):
        return
    for line in hunk.added:
        if _AT_ONCE.search(without_strings(line.code)):
            says = f"holds at once what it took piece by piece: `{line.code[:80]}`"
            yield Effect("holds_whole", says, hunk.path, tuple(re.findall(r"\w{3,}", line.code))[:6], sureness=0.9)
            return


def _kept_beside(hunk: Hunk) -> Iterator[Effect]:
    for line in hunk.added:
        if _PREVIOUS.match(line.code):
            says = f"keeps what was there before beside what is there now: `{line.code[:80]}`"
            yield Effect("holds_whole", says, hunk.path, tuple(re.findall(r"\w{3,}", line.code))[:6], sureness=0.6)
            return


def _sent_within(hunk: Hunk) -> Iterator[Effect]:
    """A new member of a message that is all of what other members give parts of."""
    before = [match for line in hunk.before if (match := _MEMBER.match(line.code))]
    parts = {name for match in before for name in re.findall(r"\b(\w+)(?:\.|->|\[)", match[2])}
    for line in hunk.added:
        match = _MEMBER.match(line.code)
        for name in sorted(parts) if match and not is_log_statement(line.code) else ():
            if match is not None and re.search(_TEXT_OF_ALL.format(re.escape(name)), match[2]):
                says = f"sends all of {name} along: `{line.code[:80]}`"
                yield Effect("payload_widened", says, hunk.path, (match[1], name), sureness=0.85)
                return


extract: Final = each_hunk({_read: "code", _kept_beside: "code", _sent_within: "code"})
