"""JMESPath within limits: what an administrator may write, and what it may cost.

JMESPath runs no code, but it can still be made to hurt: a 144-character chain of
``[@,@]`` builds 83 MB, thousands of brackets exhaust the stack. So expressions are
checked when they are compiled, and work and results are counted when they run.

Grammar: https://jmespath.org/specification.html
"""

import math

from jmespath import exceptions, functions, visitor
from jmespath.parser import Parser

from ..errors import InputError

MAX_LENGTH = 2048  # bytes of one expression
_MAX_NODES = 400
_MAX_DEPTH = 48
_MAX_WORK = 200_000  # nodes visited and list elements made by one evaluation
_MAX_RESULT = 50_000  # values in a result
_MAX_TEXT = 1_000_000  # characters in a result
_MAX_COMPARED = 1_000  # values on either side of a comparison


class EvaluationError(Exception):
    """An expression could not be evaluated; ``code`` says why.

    Codes: ``too_large`` (the limits above), ``expression_failed`` (a function got
    what it does not take).
    """

    def __init__(self, code):
        super().__init__(code)
        self.code = code


def _measure(value, most_values, most_text=_MAX_TEXT):
    """Refuse a value that is too large when written out; iterative and bounded."""
    stack, values, text = [value], 0, 0
    while stack:
        part = stack.pop()
        values += 1
        if isinstance(part, str):
            text += len(part)
        elif isinstance(part, dict):
            stack.extend(part.values())
            text += sum(map(len, part))
        elif isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, float) and not math.isfinite(part):
            raise EvaluationError("expression_failed")
        if values + len(stack) > 10 * most_values or values > most_values:
            raise EvaluationError("too_large")
        if text > most_text:
            raise EvaluationError("too_large")


class _Functions(functions.Functions):
    """The standard functions, ``lower`` and ``upper``, within limits."""

    @functions.signature({"types": []})
    def _func_to_string(self, value):
        _measure(value, _MAX_COMPARED)
        return super()._func_to_string(value)

    @functions.signature({"types": ["array", "string"]}, {"types": []})
    def _func_contains(self, subject, search):
        if isinstance(subject, str):
            return isinstance(search, str) and search in subject
        _measure(subject, _MAX_RESULT)
        _measure(search, _MAX_COMPARED)
        return search in subject

    @functions.signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator, texts):
        if sum(map(len, texts)) + len(separator) * len(texts) > _MAX_TEXT:
            raise EvaluationError("too_large")
        return separator.join(texts)

    @functions.signature({"types": []})
    def _func_lower(self, value):
        """Ours: a text in lower case, null for anything else."""
        return value.lower() if isinstance(value, str) else None

    @functions.signature({"types": []})
    def _func_upper(self, value):
        """Ours: a text in upper case, null for anything else."""
        return value.upper() if isinstance(value, str) else None

    @functions.signature({"types": []})
    def _func_to_number(self, value):
        if isinstance(value, str) and len(value) > 40:
            return None
        return super()._func_to_number(value)


class _Interpreter(visitor.TreeInterpreter):
    """Evaluates one expression once, counting the work."""

    def __init__(self):
        super().__init__(visitor.Options(custom_functions=_Functions()))
        self._work = 0

    def visit(self, node, *args, **kwargs):
        result = super().visit(node, *args, **kwargs)
        self._work += 1 + (len(result) if isinstance(result, list | dict) else 0)
        if self._work > _MAX_WORK:
            raise EvaluationError("too_large")
        return result

    def visit_comparator(self, node, value):
        # Shared parts are cheap to build and dear to compare: bounded beforehand.
        for child in node["children"]:
            _measure(self.visit(child, value), _MAX_COMPARED)
        return super().visit_comparator(node, value)


class Expression:
    """A compiled expression; safe to share between threads."""

    __slots__ = ("_tree", "text")

    def __init__(self, text, tree):
        self.text = text
        self._tree = tree

    def evaluate(self, document):
        """Return the expression's value: JSON, ``None`` when there is nothing.

        :raise EvaluationError: over the limits, or a function does not fit
        """
        try:
            result = _Interpreter().visit(self._tree, document)
        except (RecursionError, MemoryError):
            raise EvaluationError("too_large") from None
        except (
            exceptions.JMESPathError,
            ArithmeticError,
            AttributeError,
            TypeError,
            ValueError,
        ):
            # The library's own messages quote the values.
            raise EvaluationError("expression_failed") from None
        if isinstance(result, visitor._Expression):
            raise EvaluationError("expression_failed")
        _measure(result, _MAX_RESULT)
        return result


def _check(tree, pointer):
    stack, nodes = [(tree, 1)], 0
    while stack:
        node, depth = stack.pop()
        nodes += 1
        if nodes > _MAX_NODES or depth > _MAX_DEPTH:
            raise _refused("too_complex", "The expression is too complex.", pointer)
        if node["type"] == "function_expression":
            if node["value"] not in _Functions.FUNCTION_TABLE:
                raise _refused(
                    "unknown_function",
                    "The expression calls a function that does not exist.",
                    pointer,
                )
        stack.extend(
            (child, depth + 1)
            for child in node.get("children", ())
            if isinstance(child, dict)
        )


def _refused(code, detail, pointer):
    return InputError(code, detail, pointer, status=422)


def compile(text, pointer=""):
    """Compile a JMESPath expression.

    :param str text: at most :data:`MAX_LENGTH` bytes
    :param str pointer: where the expression stands, for the error
    :return: :class:`Expression`
    :raise InputError: ``invalid_expression``, ``too_long``, ``too_complex``,
        ``unknown_function``; status 422
    """
    if not isinstance(text, str) or not text.strip():
        raise _refused("invalid_expression", "An expression is a text.", pointer)
    if len(text.encode("utf-8", "replace")) > MAX_LENGTH:
        raise _refused(
            "too_long", f"An expression has at most {MAX_LENGTH} bytes.", pointer
        )
    try:
        tree = Parser().parse(text).parsed
    except RecursionError:
        raise _refused(
            "too_complex", "The expression is too complex.", pointer
        ) from None
    except (exceptions.JMESPathError, ValueError, KeyError, TypeError) as error:
        place = getattr(error, "lex_position", None)
        where = f" at character {place + 1}" if isinstance(place, int) else ""
        raise _refused(
            "invalid_expression", f"Not a JMESPath expression{where}.", pointer
        ) from None
    _check(tree, pointer)
    return Expression(text, tree)
