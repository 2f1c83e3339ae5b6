"""Mutations of Python source: small changes that a test should notice, found in its syntax tree.

Each replaces one span of the text, so that everything else, docstrings with their examples among it, stays as it is.
Docstrings, messages, annotations and the insides of f-strings are left alone: they are not what a program computes.
"""

import ast
import copy
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
LOGIC = {ast.And: ast.Or, ast.Or: ast.And}
ATOMS = (ast.Name, ast.Constant, ast.Call, ast.Dict)
MESSAGES = ("warn", "info", "warning", "debug")  # what the last name of such a call is, unless it ends with Error


@dataclass(frozen=True)
class Mutation:
    """A span of the source, in bytes of UTF-8, and the text in its place."""

    line: int
    begin: int
    end: int
    text: str
    old: str  # what changes, as it is told
    new: str

    def of(self, source):
        """Returns the mutated source."""
        content = source.encode()
        return (content[: self.begin] + self.text.encode() + content[self.end :]).decode()


def mutations(source):
    """Returns all mutations of a module's source that still compile, in the order of the source."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found = dict.fromkeys(sorted(finder.found, key=lambda m: (m.begin, m.end, m.text)))
    return [mutation for mutation in found if _compiles(mutation.of(source))]


def _compiles(source):
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, source):
        lines = source.encode().splitlines(keepends=True)
        self._begins = [sum(map(len, lines[:i])) for i in range(len(lines))]
        self._function = None
        self.found = []

    def _add(self, node, text, old, new):
        begin = self._begins[node.lineno - 1] + node.col_offset
        end = self._begins[node.end_lineno - 1] + node.end_col_offset
        self.found.append(Mutation(node.lineno, begin, end, text, old, new))

    def _replace(self, node, new):
        text = ast.unparse(new)
        self._add(node, text if isinstance(new, ATOMS) else f"({text})", ast.unparse(node), text)

    def _changed(self, node, **fields):
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        self._replace(node, new)

    def _delete(self, node):
        self._add(node, "pass", ast.unparse(node), "pass")

    def visit_FunctionDef(self, node):
        outer, self._function = self._function, node.name
        for part in [*node.decorator_list, node.args, *node.body]:
            self.visit(part)
        self._function = outer

    def visit_arg(self, node):
        pass  # nothing but a name and an annotation

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node):
        pass

    def visit_Compare(self, node):
        for i, operator in enumerate(node.ops):
            swapped = COMPARISONS[type(operator)]()
            self._changed(node, ops=[*node.ops[:i], swapped, *node.ops[i + 1 :]])
        self.generic_visit(node)

    def visit_BinOp(self, node):
        if type(node.op) in ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
            self._changed(node, op=ARITHMETIC[type(node.op)]())
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        self._changed(node, op=LOGIC[type(node.op)]())
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, (ast.Not, ast.USub)):
            self._replace(node, node.operand)
        self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, bool):
            self._replace(node, ast.Constant(not node.value))
        elif isinstance(node.value, float) and node.value in (0.0, 1.0):
            self._replace(node, ast.Constant(1.0 - node.value))
        elif isinstance(node.value, (int, float)):
            self._replace(node, ast.Constant(node.value + 1))

    def visit_If(self, node):
        self._force(node.test, True)
        self._force(node.test, False)
        self.generic_visit(node)

    visit_IfExp = visit_If

    def visit_While(self, node):
        self._force(node.test, False)
        self.generic_visit(node)

    def _force(self, test, value):
        self._add(test, str(value), f"if {ast.unparse(test)}", f"if {value}")

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Call):
            self._delete(node)
        self.generic_visit(node)

    def visit_Raise(self, node):
        self._delete(node)

    def visit_Assign(self, node):
        if any(isinstance(target, ast.Attribute) for target in node.targets):
            self._delete(node)
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        self._delete(node)
        self.generic_visit(node)

    def visit_Return(self, node):
        if node.value is None:
            return
        self._add(node, "return None", ast.unparse(node), "return None")
        if isinstance(node.value, ast.BinOp):
            operands = [node.value.left, node.value.right]
        else:
            operands = node.value.values if isinstance(node.value, ast.BoolOp) else []
        for operand in operands:
            text = f"return {ast.unparse(operand)}"
            self._add(node, text, ast.unparse(node), text)
        self.generic_visit(node)

    def visit_Call(self, node):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in MESSAGES or name.endswith("Error"):
            return
        for i, keyword in enumerate(node.keywords):
            if keyword.arg is not None:
                fewer = copy.copy(node)
                fewer.keywords = node.keywords[:i] + node.keywords[i + 1 :]
                called = ast.unparse(node.func)
                self._add(node, ast.unparse(fewer), f"{called}(… {ast.unparse(keyword)})", f"{called}(…)")
        self.generic_visit(node)

    def visit_Dict(self, node):
        if self._function == "get_config":
            for i, key in enumerate(node.keys):
                if key is not None:
                    fewer = ast.Dict(node.keys[:i] + node.keys[i + 1 :], node.values[:i] + node.values[i + 1 :])
                    self._add(node, ast.unparse(fewer), f"{{… {ast.unparse(key)}}}", "{…}")
        self.generic_visit(node)


def _is_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
