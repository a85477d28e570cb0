"""Parses HCL 2 (Terraform, OpenTofu, Packer, Terragrunt): blocks, attributes, and the values in expressions.

Expressions are not evaluated: lists, objects, strings and function calls keep their shape, everything else becomes a
`call` with the values in it. A `for` is a call of that tag with what it goes through and what it makes of each (key and
value in an object), a condition one of the tag `if` with both its values.
"""

from __future__ import annotations

from credguard.parsers.hcl_tokens import HclToken, tokenize_hcl
from credguard.parsers.node import MAX_DEPTH, Node, NodeBudget, Places, make_depth_error, make_syntax_error

_SHOWN = 200
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_CONSTANTS = {"true": "bool", "false": "bool", "null": "null"}


def read(text: str) -> tuple[Node, ...]:
    """The body of a file as one mapping. Raises UnreadableError for invalid HCL."""
    return (_Reader(text).read_body("end", 0),)


def read_expression(text: str) -> Node:
    """The value of one expression. Raises UnreadableError for an invalid one."""
    return _Reader(text).read_expression(in_lines=False)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.places = Places(text)
        self.budget = NodeBudget()
        self.tokens = tokenize_hcl(text, self.places)
        self.depth = 0
        self.last_end = 0
        self.token = next(self.tokens)

    def read_body(self, closing: str, start: int) -> Node:
        """The attributes and blocks up to and including a `}` or the end."""
        self._enter_level()
        place = self.places.locate(start)
        pairs: list[tuple[Node, Node]] = []
        while True:
            self._skip_lines()
            token = self.token
            if token.kind == closing or (token.kind == "mark" and token.text == closing):
                self._advance()
                self.depth -= 1
                return Node("mapping", *place, tag="block" if start else "", pairs=tuple(pairs))
            if token.kind not in {"word", "string"}:
                raise self._make_error("found what is neither an attribute nor a block")
            key = self._make_scalar(self._advance())
            pairs.append((key, self._read_attribute() if self._is_at("=") else self._read_block()))

    def _read_attribute(self) -> Node:
        self._advance()
        value = self.read_expression(in_lines=True)
        if self.token.kind not in {"line", "end"} and not self._is_at("}"):
            raise self._make_error("found more behind a value")
        return value

    def _read_block(self) -> Node:
        """The body of a block, under its labels."""
        labels: list[Node] = []
        while self.token.kind in {"word", "string"}:
            labels.append(self._make_scalar(self._advance()))
            if len(labels) > MAX_DEPTH:
                raise self._make_error("found a block without a body")
        if not self._is_at("{"):
            raise self._make_error("found neither a value nor a block")
        node = self.read_body("}", self._advance().start)
        for label in reversed(labels):
            node = Node("mapping", label.line, label.column, tag="label", pairs=((label, node),))
        return node

    def read_expression(self, *, in_lines: bool, stops: str = "") -> Node:
        """The expression up to a comma, a closing bracket, one of `stops` or, `in_lines`, the line's end."""
        if not in_lines:
            self._skip_lines()
        start, other = self.token.start, False
        found: list[Node] = []
        branches: list[Node] = []  # of a condition: what is before its colons
        branch, asked = start, False
        while not self._is_end(in_lines, stops):
            token = self.token
            if token.kind == "mark" and token.text not in _CLOSING:
                if token.text == ":" and asked:
                    branches.append(self._combine(found, branch, other=len(found) != 1))
                other = True
                self._advance()
                if token.text == "?" or (token.text == ":" and asked):
                    asked, found, branch = True, [], self.token.start
            elif token.kind == "mark" and (found or other) and token.text != "{" and token.start == self.last_end:
                other = True  # an index, or the end of a splat
                found += self._read_list(token).items
            else:
                found.append(self._read_value())
            if not in_lines:
                self._skip_lines()
        if not found and not other:
            raise self._make_error("found no value")
        if branches:
            branches.append(self._combine(found, branch, other=len(found) != 1))
            return self._make_call("if", start, tuple(branches))
        return self._combine(found, start, other=other)

    def _combine(self, found: list[Node], start: int, *, other: bool) -> Node:
        """One value, or an expression with the values in it."""
        if len(found) == 1 and not other:
            return found[0]
        return self._make_call(
            "", start, tuple(node for node in found if node.kind != "call" or node.items or node.tag)
        )

    def _is_end(self, in_lines: bool, stops: str) -> bool:
        kind, text = self.token.kind, self.token.text
        if kind == "line":
            return in_lines
        if kind == "word":
            return text == "if" and "if" in stops.split()
        return kind == "end" or (kind == "mark" and (text in {",", ")", "]", "}", "="} or text in stops.split()))

    def _read_value(self) -> Node:
        """One list, object, string, number, function call or name."""
        token = self.token
        if token.kind == "mark":
            return self._read_object() if token.text == "{" else self._read_list(token)
        self._advance()
        if token.kind == "word" and token.text not in _CONSTANTS:
            if self._is_at("(") and self.token.start == token.end:
                return self._make_call(token.text, token.start, self._read_list(self.token).items)
            return self._make_call("", token.start, ())
        return self._make_scalar(token)

    def _read_list(self, opening: HclToken) -> Node:
        """A list, the arguments of a call, a parenthesis, or a `for` over a list."""
        self._enter_level()
        self._advance()
        closing, items = _CLOSING[opening.text], []
        self._skip_lines()
        if opening.text == "[" and self.token.kind == "word" and self.token.text == "for":
            made = self._read_for(opening.start, closing)
            return Node("sequence", made.line, made.column, items=(made,))
        while not self._is_at(closing):
            items.append(self.read_expression(in_lines=False))
            if self._is_at(","):
                self._advance()
            elif not self._is_at(closing):
                raise self._make_error("found a list that does not end")
            self._skip_lines()
        self._advance()
        self.depth -= 1
        if (
            opening.text == "("
            and len(items) == 1
            and self.text[opening.start - 1 : opening.start].strip() in {"", "(", "="}
        ):
            return items[0]
        self.budget.spend()
        return Node("sequence", *self.places.locate(opening.start), items=tuple(items))

    def _read_object(self) -> Node:
        opening = self._advance()
        self._enter_level()
        self._skip_lines()
        pairs: list[tuple[Node, Node]] = []
        if self.token.kind == "word" and self.token.text == "for":
            return self._read_for(opening.start, "}")
        while not self._is_at("}"):
            key = _normalize_key(self.read_expression(in_lines=True, stops=":"))
            if not (self._is_at("=") or self._is_at(":")):
                raise self._make_error("found a key without a value")
            self._advance()
            pairs.append((key, self.read_expression(in_lines=True)))
            if self._is_at(","):
                self._advance()
            elif self.token.kind != "line" and not self._is_at("}"):
                raise self._make_error("found an object that does not end")
            self._skip_lines()
        self._advance()
        self.depth -= 1
        self.budget.spend()
        return Node("mapping", *self.places.locate(opening.start), pairs=tuple(pairs))

    def _read_for(self, start: int, closing: str) -> Node:
        """A `for`: what it goes through, and what it makes of each, up to and including the closing bracket."""
        while not self._is_at(":") and not self._is_at(closing) and self.token.text != "in":  # its names
            if self.token.kind not in {"word", "line"} and not self._is_at(","):
                raise self._make_error("found a for without names")
            self._advance()
        items: list[Node] = []
        while not self._is_at(closing):
            if self._is_at(",") or self.token.kind == "end":
                raise self._make_error("found a for that does not end")
            self._advance()  # in, a colon, an arrow, or if
            items.append(self.read_expression(in_lines=False, stops=": => if" if not items else "=> if"))
        self._advance()
        self.depth -= 1
        return self._make_call("for", start, tuple(items))

    def _make_scalar(self, token: HclToken) -> Node:
        self.budget.spend()
        kind = {"number": "float" if "." in token.text else "int", "word": _CONSTANTS.get(token.text, "str")}
        meant = "template" if token.template else kind.get(token.kind, "str")
        place = self.places.locate(token.start)
        return Node("scalar", *place, text=token.text, type=meant, literal=token.kind == "heredoc")

    def _make_call(self, name: str, start: int, items: tuple[Node, ...]) -> Node:
        self.budget.spend()
        shown = self.text[start : min(self.last_end, start + _SHOWN)]
        return Node("call", *self.places.locate(start), text=shown, tag=name, items=items)

    def _advance(self) -> HclToken:
        token = self.token
        self.last_end = token.end
        self.token = next(self.tokens, token)
        return token

    def _is_at(self, mark: str) -> bool:
        return self.token.kind == "mark" and self.token.text == mark

    def _skip_lines(self) -> None:
        while self.token.kind == "line":
            self._advance()

    def _enter_level(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise make_depth_error("HCL", self.places.locate(self.token.start)[0])

    def _make_error(self, problem: str) -> Exception:
        return make_syntax_error("HCL", *self.places.locate(self.token.start), problem)


def _normalize_key(key: Node) -> Node:
    """A bare word before `=` is a name, as a string would be."""
    bare = key.kind == "call" and not key.items and key.text.replace("-", "_").isidentifier()
    return Node("scalar", key.line, key.column, text=key.text) if bare else key
