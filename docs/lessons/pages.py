#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
#
# Writes a page of this folder to the standard output, from the lessons and what was recorded of them:
#
#   pages.py lesson NN-NAME en|zh PLAYED EVIDENCE   the page of a lesson: of each scene what was said and the events that decide
#   pages.py wrong en|zh                            what the notes get wrong: the claims that are not simply true, and what is
#   pages.py claims en|zh                           every claim, its verdict, and the event it rests on
#
# PLAYED is what `socktale play` showed, EVIDENCE what it kept in the file that SOCKTALE_EVIDENCE names; record.sh makes both, and
# keeps the latter in evidence/. `wrong` and `claims` need no privilege: tests/docs.sh writes and checks them.
# Sentences are those of demos/lessons, events are told by `socktale tell`. SOCKTALE: the tool (build/socktale).
import os
import re
import subprocess
import sys
import unicodedata
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
TOOL = os.environ.get("SOCKTALE", os.path.join(TOP, "build", "socktale"))
LESSONS = os.path.join(TOP, "demos", "lessons")

Claim = namedtuple("Claim", "number verdict lesson said")          # said: {language: text}
Proof = namedtuple("Proof", "scene claim never condition said")    # a must-see; said: {} where the next one speaks for both
Event = namedtuple("Event", "time who line")                       # one that was recorded; line: of the log, from its name on


class Scene:
    def __init__(self, name, title):
        self.name, self.said, self.proofs, self.programs = name, {"en": title}, [], []


class Lesson:
    def __init__(self, path):
        self.file = os.path.basename(path)[:-len(".lesson")]
        self.number, self.name = int(self.file.partition("-")[0]), self.file.partition("-")[2]
        self.words, self.scenes = {}, []      # words: title, aim, end, read


# ---- reading ----

def lines_of(path):
    text = re.sub(r"\\\n\s*", " ", open(path, encoding="utf-8").read())
    return [l.strip() for l in text.split("\n") if l.strip() and not l.strip().startswith("#")]


def plain(text):
    return " ".join(text.split())


def read_lesson(path):
    lesson, claim, last = Lesson(path), 0, None
    for line in lines_of(path):
        word, _, rest = line.partition(" ")
        full = word == "full"
        if full:
            word, _, rest = rest.partition(" ")
        if word in ("title", "aim", "end", "read"):
            last = lesson.words[word] = {"en": rest}
        elif word == "scene":
            name, _, title = rest.partition(" ")
            lesson.scenes.append(Scene(name, title))
            last, claim = lesson.scenes[-1].said, 0
        elif word == "claim":
            claim = int(rest.lstrip("C"))
        elif word in ("see", "never"):
            last = {}
            if not full:
                condition = rest.removeprefix("functions: ")
                lesson.scenes[-1].proofs.append(Proof(lesson.scenes[-1].name, claim, word == "never", plain(condition), last))
        elif word == "run":
            words = [w for w in rest.split()[2:] if not w.startswith("as=")]
            lesson.scenes[-1].programs.append((rest.split()[0], os.path.basename(words[0])))
        elif word in ("en", "zh"):
            if last is not None:
                last[word] = rest
        elif word == "say":
            last = None
    return lesson


def read_lessons():
    names = sorted(n for n in os.listdir(LESSONS) if n.endswith(".lesson"))
    return [read_lesson(os.path.join(LESSONS, n)) for n in names]


def read_claims():
    claims = {}
    for line in lines_of(os.path.join(LESSONS, "claims")):
        word, _, rest = line.partition(" ")
        if word == "zh":
            claim.said["zh"] = rest
        else:
            verdict, lesson, text = rest.split(" ", 2)
            claim = Claim(int(word[1:]), verdict, int(lesson), {"en": text})
            claims[claim.number] = claim
    return claims


def read_evidence(path):
    """{(scene, claim, never, condition): (outcome, [Event])}"""
    found, events = {}, []
    if not os.path.exists(path):
        return found
    for line in open(path, encoding="utf-8", errors="replace"):
        head = re.match(r"# (\S+) C(\d+) (ok|not ok|skip) (see|never) (.*)", line)
        if head:
            events = []
            found[head[1], int(head[2]), head[4] == "never", plain(head[5])] = (head[3], events)
        elif line[0] in "+-":
            time, who, rest = line.rstrip("\n").split(" ", 2)
            events.append(Event(time, who.rpartition("/")[0], rest))
    return found


def translated(word, language):
    """As the program says it."""
    if language == "en":
        return word
    po = open(os.path.join(TOP, "po", "zh_CN.po"), encoding="utf-8").read()
    found = re.search(r'^msgid "%s"\nmsgstr "(.+)"$' % re.escape(word), po, re.M)
    return found[1] if found else word


# ---- words of the pages ----

WORDS = {
    "en": {
        "play": "Play it: `socktale play {name}`. What follows was recorded on Linux {kernel}, and shows of each scene the part that decides; "
                "`⋮` stands for what is left out.",
        "shows": "What that shows:",
        "seen": "What you just saw",
        "table": "The claims of the notes that this lesson judges:",
        "head": "| claim | the notes say | verdict |",
        "claims": "What the notes claim, and what the kernel shows",
        "claims_intro": "Every claim of the notes on network programming, the verdict on current Linux, the lesson that shows it, and one of the "
                        "events it rests on, as recorded. [{wrong}]({page}) has those that are not simply true at length.",
        "claims_head": "| claim | the notes say | verdict | lesson | seen |",
        "wrong": "What the notes get wrong",
        "wrong_intro": "Of the {all} claims that the notes on network programming make about sockets, {true} hold as they stand. These are the other "
                       "{other}: what the notes say, what Linux does, and where to watch it. In the order of the lessons; {list} lists all claims.",
        "verdicts": "- **wrong**: it is not so\n- **imprecise**: right in the main, but a condition is missing or wrong\n"
                    "- **outdated**: it was right on older kernels, or before a newer RFC\n"
                    "- **platform-dependent**: right on some systems, not on Linux, or the other way round",
        "generated": "Written by `docs/lessons/pages.py` (`make docs`) from `demos/lessons` and the events that `docs/lessons/record.sh` recorded.",
        "notes_say": "The notes",
        "linux": "Linux",
        "watch": "Seen in",
        "lesson": "Lesson {number}: {title}",
        "in_lesson": "lesson {number}, {scene}",
        "colon": ": ", "comma": ", ", "then": ", then ", "open": " (", "close": ")",
        "not_seen": "and not seen: ",
        "missing": "not recorded",
        "skip": "not to be seen on the kernel it was recorded on",
        "total": "{all} claims: {parts}.",
        "other_language": "[中文]({page})",
        "and": " and ",
    },
    "zh": {
        "play": "播放：`socktale play {name}`。以下录制于 Linux {kernel}，每一幕只取起决定作用的部分；`⋮` 表示省略。",
        "shows": "这说明：",
        "seen": "你刚才看到的",
        "table": "本课判定的笔记说法：",
        "head": "| 编号 | 笔记说 | 判定 |",
        "claims": "笔记的说法，与内核的表现",
        "claims_intro": "网络编程笔记的每一条说法、在当前 Linux 上的判定、演示它的课，以及它所依据的一个录制到的事件。"
                        "不完全正确的各条详见[{wrong}]({page})。",
        "claims_head": "| 编号 | 笔记说 | 判定 | 课 | 见到 |",
        "wrong": "笔记错在哪里",
        "wrong_intro": "网络编程笔记对套接字提出了 {all} 条说法，其中 {true} 条照原样成立。下面是其余 {other} 条：笔记怎么说，Linux 怎么做，"
                       "在哪里能看到。按课的顺序排列；全部说法见{list}。",
        "verdicts": "- **错误**：并非如此\n- **不精确**：大体正确，但条件缺失或有误\n- **过时**：在旧内核上或较新的 RFC 之前是对的\n"
                    "- **因平台而异**：在某些系统上正确而在 Linux 上不然，或者相反",
        "generated": "由 `docs/lessons/pages.py`（`make docs`）根据 `demos/lessons` 和 `docs/lessons/record.sh` 录制的事件写成。",
        "notes_say": "笔记",
        "linux": "Linux",
        "watch": "可见于",
        "lesson": "第 {number} 课：{title}",
        "in_lesson": "第 {number} 课，{scene}",
        "colon": "：", "comma": "，", "then": "，然后 ", "open": "（", "close": "）",
        "not_seen": "且没有见到：",
        "missing": "没有录到",
        "skip": "在录制所用的内核上看不到",
        "total": "共 {all} 条：{parts}。",
        "other_language": "[English]({page})",
        "and": "和",
    },
}


def file_of(name, language):
    return name + (".zh" if language == "zh" else "") + ".md"


def said(texts, language):
    return texts.get(language) or texts.get("en") or ""


# A sentence of a lesson begins small, because it stands behind "ok - "; names of calls, fields and programs stay as they are.
NAMES = {"win", "seq", "somaxconn", "bind", "tcpdump", "traceroute", "ping", "lsof", "netstat", "kill", "errno"}


def sentence(text):
    first = re.match(r"[a-z]+(?=[ ,:'’-])", text)
    return text[0].upper() + text[1:] if first and first[0] not in NAMES else text


def prose(sentences, language):
    end = "。" if language == "zh" else "."
    return ("" if language == "zh" else " ").join(
        (s if language == "zh" else sentence(s)).rstrip(".。") + end for s in dict.fromkeys(sentences))


def code(text):
    return "`` %s ``" % text if "`" in text else "`%s`" % text


# ---- what was recorded, told ----

def tell(events, language):
    """What each event is called: the words beside its time, as `socktale tell` has them."""
    log, sockets, owners = "", {}, {}
    for i, (where, event) in enumerate(events):
        line = re.sub(r"\bsock=(\d+)", lambda m: "sock=%d" % sockets.setdefault((where, m[1]), len(sockets) + 1), event.line)
        log += "%d.000000 x/%d %s\n" % (i, owners.setdefault((where, event.who), len(owners) + 1), re.sub(r" tid=\d+", "", line))
    told = subprocess.run([TOOL, "tell", "--lang", language, "--format", "text", "/dev/stdin"], input=log, text=True, encoding="utf-8",
                          stdout=subprocess.PIPE, env=dict(os.environ, COLUMNS="2000", LC_ALL="C.UTF-8"))
    if told.returncode:
        sys.exit("pages.py: socktale tell failed")
    labels = {}
    for line in told.stdout.split("\n"):
        found = re.match(r"\+(\d+)\.000000 +(?:x\[\d+\])? *(.*)", line)
        if found:
            labels[int(found[1])] = re.sub(r"^(?:[<>] x\[\d+\] *)?~? *", "", found[2])
    return [labels.get(i, event.line.split()[0]) for i, (_, event) in enumerate(events)]


class Book:
    """Lessons, claims, and the evidence recorded for them, told in one language."""

    def __init__(self, language):
        self.language, self.words = language, WORDS[language]
        self.lessons, self.claims = read_lessons(), read_claims()
        self.evidence = {l.number: read_evidence(os.path.join(HERE, "evidence", l.file + ".log")) for l in self.lessons}
        self.labels = {}

    def lesson(self, number):
        return next(l for l in self.lessons if l.number == number)

    def found(self, lesson, proof):
        return self.evidence[lesson.number].get((proof.scene, proof.claim, proof.never, proof.condition))

    def proofs(self, number):
        """Of a claim: the lesson that shows it first comes first."""
        first = self.claims[number].lesson
        return [(l, s, p) for l in sorted(self.lessons, key=lambda l: l.number != first)
                for s in l.scenes for p in s.proofs if p.claim == number]

    def learn(self):
        """All labels at once: one run of the tool."""
        events = {}
        for lesson in self.lessons:
            for (scene, *_), (_, found) in self.evidence[lesson.number].items():
                events.update({((lesson.number, scene), e): None for e in found})
        self.labels = dict(zip(events, tell(list(events), self.language)))

    def event(self, lesson, scene, e, proof, most):
        """At most so many characters of it; of a program's output the line that the must-see is about."""
        label, about = self.labels[(lesson.number, scene.name), e], re.findall(r'text~(?:"([^"]*)"|(\S+))', proof.condition)
        if " app_output " in " " + e.line and '"' in label:
            before, _, text = label.rstrip('"').partition('"')
            about = [a or b for a, b in about]
            lines = [l for l in re.sub(r"\\t", " ", text).split("\\n") if l.strip()] or [""]
            line = plain(next((l for l in lines if any(a in l for a in about)), lines[0])).replace('\\"', '"')
            at = min([line.find(a) for a in about if a in line] or [0])
            if len(line) > most - 20:
                begin = max(0, min(at - 30, len(line) - (most - 20))) if at > most - 60 else 0
                line = ("…" if begin else "") + line[begin:begin + most - 20] + ("…" if begin + most - 20 < len(line) else "")
            label = before + "“" + line + "”"
        names = {program for _, program in scene.programs if program[:15] == e.who}
        who = names.pop() if len(names) == 1 else e.who
        return ("" if e.time.startswith("-") else e.time + " ") + who + ": " + plain(label)

    def events(self, lesson, scene, proofs, most, width=100):
        """What speaks for them, each event once, in the order of time."""
        whole, ends = {}, {}
        for proof in proofs:
            events = (self.found(lesson, proof) or ("", []))[1]
            whole.update({e: proof for e in events if e not in whole})
            ends.update({e: proof for e in events[-1:]})
        listed = whole
        if len(whole) > most:      # the end of each condition is what it is about
            listed = dict(list(ends.items())[:most])
        told = [self.event(lesson, scene, e, listed[e], width) for e in sorted(listed, key=lambda e: float(e.time))]
        return list(dict.fromkeys(told))


# ---- what the notes get wrong, and all claims ----

def missing_of(book):
    return ["%s: %s: %s" % (l.file, p.scene, p.condition) for l in book.lessons for s in l.scenes for p in s.proofs
            if not book.found(l, p)]


def watch(book, lesson, scene, proofs):
    w, language = book.words, book.language
    link = "[%s](%s#%s)" % (w["in_lesson"].format(number=lesson.number, scene=said(scene.said, language)),
                            file_of(lesson.file, language), scene.name)
    events = book.events(lesson, scene, proofs, 4)
    outcomes = {(book.found(lesson, p) or ("",))[0] for p in proofs}
    if len(events) == 1:
        return link + w["colon"] + code(events[0])
    if events:
        return link + "\n\n  ```text\n" + "".join("  %s\n" % e for e in events) + "  ```\n"
    if outcomes == {"skip"}:
        return link + w["colon"] + w["skip"]
    nevers = [code(p.condition) for p in proofs if p.never]
    return link + (w["colon"] + w["not_seen"].removeprefix("and ").removeprefix("且") + w["comma"].join(nevers) if nevers else "")


def wrong(book):
    w, language = book.words, book.language
    others = [c for c in book.claims.values() if c.verdict != "true"]
    print("# %s\n" % w["wrong"])
    print(w["other_language"].format(page="wrong.md" if language == "zh" else "wrong.zh.md") + "\n")
    listed = "[claims%s.md](%s)" % (".zh" if language == "zh" else "", file_of("claims", language))
    print(w["wrong_intro"].format(all=len(book.claims), true=len(book.claims) - len(others), other=len(others), list=listed) + "\n")
    print(w["verdicts"] + "\n")
    print(w["generated"])
    for lesson in book.lessons:
        title = w["lesson"].format(number=lesson.number, title=said(lesson.words["title"], language))
        of_it = [c for c in others if c.lesson == lesson.number]
        print("\n## %s" % title)
        for claim in of_it:
            proofs = book.proofs(claim.number)
            print('\n### <a id="c%d"></a>C%d%s%s\n' % (claim.number, claim.number, w["colon"], translated(claim.verdict, language)))
            print("- **%s**%s%s" % (w["notes_say"], w["colon"], said(claim.said, language)))
            print("- **%s**%s%s" % (w["linux"], w["colon"], prose([said(p.said, language) for _, _, p in proofs if p.said], language)))
            scenes = list(dict.fromkeys((l, s) for l, s, _ in proofs))
            for l, s in scenes:
                print("- **%s** %s" % (w["watch"], watch(book, l, s, [p for _, x, p in proofs if x is s])))


def claims(book):
    w, language = book.words, book.language
    print("# %s\n" % w["claims"])
    print(w["other_language"].format(page="claims.md" if language == "zh" else "claims.zh.md") + "\n")
    print(w["claims_intro"].format(wrong=w["wrong"], page=file_of("wrong", language)) + "\n")
    print(w["generated"] + "\n")
    print(w["claims_head"] + "\n|---|---|---|---|---|")
    count = {}
    for claim in book.claims.values():
        count[claim.verdict] = count.get(claim.verdict, 0) + 1
        number = "C%d" % claim.number
        if claim.verdict != "true":
            number = "[%s](%s#c%d)" % (number, file_of("wrong", language), claim.number)
        lesson = book.lesson(claim.lesson)
        shown = seen = ""
        run = []
        for l, s, p in book.proofs(claim.number):
            run.append(p)
            if not shown:
                shown = "[%s](%s#%s)" % (l.name, file_of(l.file, language), s.name)
            if p.said:
                events = book.events(l, s, run, 2, 70)
                seen = said(p.said, language) + (w["open"] + w["then"].join(map(code, events)) + w["close"] if events else "")
                if events:
                    break
                run = []
        print("| %s | %s | %s | %s | %s |" % (number, cell(said(claim.said, language)), translated(claim.verdict, language),
                                              shown or lesson.name, cell(seen or w["missing"])))
    parts = w["comma"].join("%d %s" % (count[v], translated(v, language)) for v in count)
    print("\n" + w["total"].format(all=len(book.claims), parts=parts))


def cell(text):
    return text.replace("|", "\\|")


# ---- a lesson's page ----

COLUMN = 9      # of a time as the lanes show it: what is longer is cut


class Block:
    """A piece of what was shown: an act, something said, an event with its notes."""

    def __init__(self, kind, line, header=None):
        self.kind, self.lines, self.header, self.time, self.notes = kind, [line], header, None, []
        self.worth, self.again = 0, False

    def words(self):
        return " ".join(re.sub(r"[│]", " ", l).strip() for l in self.lines)


def take_apart(lines):
    """The blocks of a scene."""
    blocks, header, waiting = [], None, []
    for line in lines:
        event = re.match(r"([+-]\d+\.\d{2,6})(?: |$)", line)
        note = re.match(r" {10}│ ", line)
        if not line.strip():
            waiting = []
            continue
        if event:
            block = Block("event", line, header)
            block.time = event[1][:COLUMN]
            blocks.append(block)
        elif line.startswith("▷ "):
            blocks.append(Block("act", line))
        elif line.startswith("▌"):
            if blocks and blocks[-1].kind == "said" and not waiting:
                blocks[-1].lines.append(line)
            else:
                blocks.append(Block("said", line))
        elif line.startswith("  · "):
            if blocks and blocks[-1].kind in ("said", "board"):
                # Where nothing happens for long the board is said again and again: once will do.
                who = re.match(r"  · \S+\[\d+\]: ", line)
                blocks[-1].again |= bool(who) and any(l.startswith(who[0]) for l in blocks[-1].lines)
                if not blocks[-1].again:
                    blocks[-1].lines.append(line)
            else:
                blocks.append(Block("board", line))
        elif note and blocks:
            # A note begins where the one before has ended with its reference.
            event = blocks[-1]
            if not event.notes or event.notes[-1][-1].rstrip().endswith("]"):
                event.notes.append([])
            event.notes[-1].append(line)
        elif "⋮" in line and "│" in line:
            blocks.append(Block("gap", line))
        elif "│" in line and blocks and blocks[-1].kind in ("act", "output", "line"):
            # What a program printed in a scene that has no time yet, folded into its lane: unfolded here.
            words = plain(line.replace("│", " "))
            if words.startswith("“"):
                blocks.append(Block("output", "  " + words))
            else:
                blocks[-1].lines[-1] += " " + words
        elif "│" in line and blocks:
            blocks[-1].lines.append(line)
        elif blocks and blocks[-1].kind in ("act", "board") and re.match(r" {2,7}\S", line):
            blocks[-1].lines.append(line)
        elif line.startswith("     "):
            header = waiting = waiting + [line]
            continue
        else:
            blocks.append(Block("line", line))
        waiting = []
    return blocks


def shape(text):
    """Without what differs from one time to the next."""
    text = re.sub(r"\S*\[\d+\]", "N", text)
    text = re.sub(r"\d[\d.:]*", "#", text)
    return plain(re.sub(r"[│|]", " ", text))


KEYWORDS = re.compile(r"\bE[A-Z]{3,}\b|\bSIG[A-Z]+\b|\bMSG_[A-Z]+\b|\bSO_[A-Z]+\b")


def keywords(scene):
    """What its must-sees are about, as it stands in a label."""
    found = set()
    for proof in scene.proofs:
        found |= set(KEYWORDS.findall(proof.condition))
        if "tcp_reset" in proof.condition:
            found.add("RST")
    return found


def excerpt(blocks, scene, evidence, seen, budget):
    """The lines to show, and the times of the events among them."""
    times, last, printed, again = set(), set(), {}, {}
    for proof in scene.proofs:
        _, events = evidence.get((scene.name, proof.claim, proof.never, proof.condition), ("", []))
        for event in events:
            times.add(event.time[:COLUMN])
            for line in re.search(r' text="(.*)"|$', event.line.replace('\\"', '"'))[0][7:-1].split("\\n"):
                printed["".join(line.split())] = line.strip()
        if events:
            last.add(events[-1].time[:COLUMN])
    about = keywords(scene)
    for block in blocks:
        block.fresh = [n for n in block.notes if shape(" ".join(n)) not in seen]
        block.worth = {"said": 1000, "line": 500, "act": 400, "board": 5, "gap": 0}.get(block.kind, 10)
        if block.kind == "output":
            line = printed.get("".join(block.lines[0].split()).strip("“”"))
            alike = again.setdefault(shape(block.lines[0]), 0)
            block.worth = 250 if line else 20 if alike < 2 and not printed else 0
            block.lines = ["  “%s”" % line] if line else block.lines
            again[shape(block.lines[0])] = alike + 1
        if block.kind == "event":
            words = block.words()
            if block.time in last:
                block.worth = 300
            elif block.time in times:
                block.worth = 250
            elif again.setdefault(shape(words), 0) > 1:
                block.worth = 0     # the like was twice in this scene
            elif any(k in words for k in about):
                block.worth = 120
            elif re.search("[►◄]", words):
                block.worth = 15
            elif block.fresh:
                block.worth = 60
            elif "“" in words:
                block.worth = 50
            again[shape(words)] = again.get(shape(words), 0) + 1
    # What stands beside a decisive event is worth more than what does not.
    decisive = [i for i, b in enumerate(blocks) if b.kind == "event" and b.worth >= 250]
    for i, block in enumerate(blocks):
        if block.kind == "event" and 0 < block.worth < 200 and decisive:
            near = max(0, 40 - 10 * min(abs(i - d) for d in decisive))
            block.worth += near * 3 if block.worth == 15 else near
    # The board behind something said is worth its lines only where there is room.
    chosen, used, header = set(), 0, set()
    for i in sorted(range(len(blocks)), key=lambda i: (-blocks[i].worth, i)):
        block = blocks[i]
        if block.worth <= 0:
            continue
        cost = len(block.lines) + (sum(len(n) for n in block.fresh) if block.worth >= 50 else 0)
        if block.header and tuple(block.header) not in header:
            cost += 1 + len(block.header)
        if block.worth < 250 and used + cost > budget or block.worth < 400 and used + cost > budget * 1.4:
            continue
        chosen.add(i)
        used += cost
        if block.header:
            header.add(tuple(block.header))
    lines, shown, current, left_out, last_kind = [], set(), None, False, None
    for i, block in enumerate(blocks):
        if i not in chosen:
            if block.kind == "gap" and lines and i + 1 in chosen and i - 1 in chosen:
                lines += block.lines
            else:
                left_out |= block.kind in ("event", "output")
            continue
        if left_out and (block.kind != "act" or last_kind not in (None, "act")):
            lines.append("          ⋮")
            left_out = False
        last_kind = block.kind
        if block.kind == "said":
            lines += ([""] if lines and lines[-1] else []) + block.lines + [""]
            continue
        if block.header and block.header != current:
            lines += ([""] if lines and lines[-1] else []) + block.header
            current = block.header
        lines += block.lines
        shown.add(block.time)
        for note in block.fresh:
            if shape(" ".join(note)) not in seen and block.worth >= 50:
                seen.add(shape(" ".join(note)))
                lines += note
    if left_out:
        lines.append("          ⋮")
    while lines and not lines[-1]:
        lines.pop()
    return lines, shown


def of_scenes(path, lesson, language):
    """What was shown of each scene."""
    parts, title = [], None
    for line in open(path, encoding="utf-8", errors="replace").read().split("\n"):
        found = re.match(r"━━ (.*?) ━*$", line)
        if found:
            parts.append([])
            continue
        if parts:
            parts[-1].append(line)
    if len(parts) != len(lesson.scenes) + 2:
        sys.exit("%s: %d scenes were played, not %d" % (path, len(parts) - 2, len(lesson.scenes)))
    return parts[1:-1]


LINES = 280     # of excerpts on a page


def lesson_page(name, language, played, evidence_path, kernel):
    w = WORDS[language]
    lesson, claims = read_lesson(os.path.join(LESSONS, name + ".lesson")), read_claims()
    evidence = read_evidence(evidence_path)
    book = Book(language)
    book.evidence[lesson.number] = evidence
    book.learn()
    lesson = book.lesson(lesson.number)
    parts = [take_apart(p) for p in of_scenes(played, lesson, language)]
    weights = [4 + min(len({p.condition for p in s.proofs}), 12) for s in lesson.scenes]
    print("# %s\n" % w["lesson"].format(number=lesson.number, title=said(lesson.words["title"], language)))
    print(said(lesson.words["aim"], language) + "\n")
    print(w["play"].format(name=lesson.name, kernel=kernel))
    seen = set()
    for scene, blocks, weight in zip(lesson.scenes, parts, weights):
        lines, shown = excerpt(blocks, scene, evidence, seen, max(14, LINES * weight // sum(weights)))
        print('\n## <a id="%s"></a>%s\n' % (scene.name, said(scene.said, language)))
        print("```text\n" + "\n".join(l.rstrip() for l in lines) + "\n```")
        shows(book, lesson, scene, shown)
    print("\n## %s\n" % w["seen"])
    print(said(lesson.words["end"], language) + "\n")
    if "read" in lesson.words:
        print(said(lesson.words["read"], language) + "\n")
    print(w["table"] + "\n\n" + w["head"] + "\n|---|---|---|")
    for number in dict.fromkeys(p.claim for s in lesson.scenes for p in s.proofs if p.claim):
        claim = claims[number]
        print("| %s | %s | %s |" % (claim_link(claim, language), cell(said(claim.said, language)), translated(claim.verdict, language)))


def claim_link(claim, language):
    number = "C%d" % claim.number
    return number if claim.verdict == "true" else "[%s](%s#c%d)" % (number, file_of("wrong", language), claim.number)


def shows(book, lesson, scene, shown):
    w, language, run, lines = book.words, book.language, [], []
    for proof in scene.proofs:
        if run and run[-1].claim != proof.claim:
            run = []
        run.append(proof)
        if not proof.said:
            continue
        # Events the lesson hides are told here.
        hidden = [e for p in run for e in (book.found(lesson, p) or ("", []))[1]]
        events = book.events(lesson, scene, run, 2) if hidden and not any(e.time[:COLUMN] in shown for e in hidden) else []
        line = said(proof.said, language)
        if events:
            line += w["colon"] + w["then"].join(map(code, events))
        if proof.claim:
            claim = book.claims[proof.claim]
            word = {"true": "proven", "wrong": "refuted"}.get(claim.verdict, "corrected")
            line += "%s%s%s%s%s" % (w["open"], claim_link(claim, language), " " if language == "zh" else ", ",
                                    translated(word, language), w["close"])
        lines.append("- " + line)
        run = []
    if lines:
        print("\n%s\n\n%s" % (w["shows"], "\n".join(lines)))


def main(words):
    if len(words) == 5 and words[0] == "lesson" and words[2] in WORDS:
        kernel = re.match(r"[\d.]+", os.uname().release)[0]
        lesson_page(words[1], words[2], words[3], words[4], kernel)
    elif len(words) == 2 and words[0] in ("wrong", "claims") and words[1] in WORDS:
        book = Book(words[1])
        missing = missing_of(book)
        for line in missing[:5]:
            print("pages.py: not recorded (docs/lessons/record.sh): " + line, file=sys.stderr)
        book.learn()
        {"wrong": wrong, "claims": claims}[words[0]](book)
        return 1 if missing else 0
    else:
        sys.exit(__doc__ or "usage: pages.py lesson NN-NAME en|zh PLAYED EVIDENCE | wrong en|zh | claims en|zh")
    return 0


sys.exit(main(sys.argv[1:]))
