"""Partition functions: how they are declared, and how they are found in a module."""

import inspect
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, NoReturn, Optional, Union

from ._errors import FunctionsFileError
from ._settings import given_settings

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
#: The attribute in which a decorator keeps what it defines: one function, or those of a model.
_DEFINITIONS = "__partwise_definitions__"
#: The name of the function that Partwise brings along.
_BUILT_IN = "sql"


@dataclass(frozen=True)
class Definition:
    """A partition function with its settings, in the names of the runner protocol."""

    name: str
    call: Callable[[Any, Any], Any]
    settings: Dict[str, Any] = field(default_factory=dict)
    #: Whether what it returns must be rows. Plain functions may return anything: what is no table is not kept.
    returns_rows: bool = True
    #: Of a function of a partition model: `{"name", "task"}`.
    model: Optional[Dict[str, str]] = None


def partition_function(
    function: Optional[Callable[[Any, Any], Any]] = None,
    *,
    name: Optional[str] = None,
    timeout: Union[str, int, float, None] = None,
    memory: Optional[str] = None,
    gpus: Union[int, float, None] = None,
    retry: Optional[Dict[str, Any]] = None,
    big_task_queue: Optional[str] = None,
    output: Optional[Dict[str, str]] = None,
    **unknown: NoReturn,
):
    """Declares a partition function: code that runs once for every partition of a table.

    ::

        @partition_function(timeout="10m", memory="4GB", output={"total": "DECIMAL(12,2)"})
        def sales_by_region(data, context):
            return {"total": data.to_pandas()["amount"].sum()}

    - `name`: how runs refer to it. Default: the function's name.
    - `timeout`: longest time of one call, as `"90s"`, `"15m"`, `"2h"`, or a number of seconds. Default: no limit.
    - `memory`: resident memory one call may use, as `"512MB"` or `"2GB"`. Default: 2GB.
    - `gpus`: GPUs one call needs, as `1` or `2`, or the share of one, as `0.5`. It sees only these, by
      CUDA_VISIBLE_DEVICES, and no more calls run at the same time than its worker's GPUs allow. Default: none.
    - `retry`: `{"maximum_attempts": 3, "initial_interval": "1s"}`; the run's own settings take precedence.
    - `big_task_queue`: task queue of workers with more memory, where a partition that runs out of memory is retried.
    - `output`: the columns of the returned rows with DuckDB's types. Default: they follow from the values. Each result
      is checked: other columns, and values that a type does not hold, are an `InvalidResult`.

    A function that is called again after a failure must tolerate that: it should be idempotent.
    """

    def declare(wrapped):
        if not callable(wrapped) or inspect.isclass(wrapped):
            from ._cells import describe

            raise FunctionsFileError(
                "partition_function declares a function; write @partition_function, or "
                f'@partition_function(name="…"), above a def, not above {describe(wrapped)}.'
            )
        given = given_settings(
            partition_function,
            unknown,
            timeout=timeout,
            memory=memory,
            gpus=gpus,
            retry=retry,
            big_task_queue=big_task_queue,
            output=output,
        )
        chosen = getattr(wrapped, "__name__", None) if name is None else name
        problem = _name_problem(chosen) or kind_problem(wrapped) or _parameters_problem(wrapped, chosen)
        if problem is not None:
            raise FunctionsFileError(f"partition_function: {problem}")
        if output is not None and not _is_output(output):
            raise FunctionsFileError(
                f'partition_function: "output" of "{chosen}" is {output!r}. '
                'Write a dictionary of columns and types, such as {"total": "DECIMAL(12,2)"}.'
            )
        if output is not None:
            from ._declared import output_problems

            problems = output_problems(output)
            if problems:
                raise FunctionsFileError(
                    "\n".join(f'partition_function: In the function "{chosen}": {each}' for each in problems)
                )
        return attach(wrapped, Definition(chosen, wrapped, given))

    return declare if function is None else declare(function)


def attach(declared, *definitions):
    """Keeps the definitions of a declared function or class with it, and returns it."""
    setattr(declared, _DEFINITIONS, definitions)
    return declared


def sendable_name(function):
    """The name under which a function is sent by value: its own, if a run can have it."""
    definitions = definitions_of(function)
    if definitions and (len(definitions) == 1 or definitions[0].model is not None):
        first = definitions[0]
        return first.name if first.model is None else first.model["name"]
    name = getattr(function, "__name__", type(function).__name__)
    return name if _name_problem(name) is None else "function"


def definitions_of(value):
    """What a decorator declared: nothing for a plain function."""
    # A subclass of a declared class is not declared itself.
    return vars(value).get(_DEFINITIONS, ()) if callable(value) and hasattr(value, "__dict__") else ()


def _is_output(output):
    return (
        isinstance(output, dict)
        and len(output) > 0
        and all(isinstance(key, str) and isinstance(value, str) for key, value in output.items())
    )


def _name_problem(name):
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        return (
            f'the name is {name!r}. Use at most 100 letters, digits, "_", "-" and ".", starting with a letter or "_".'
        )
    if name == _BUILT_IN:
        return f'"{_BUILT_IN}" is the name of the built-in function. Choose another.'
    return None


def kind_problem(function):
    kind, instead = None, None
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        kind, instead = "an async function", "Write a plain def: each call has its own process."
    elif inspect.isgeneratorfunction(function):
        kind, instead = "a generator", "Return a list of rows, or a DataFrame, instead of yielding."
    return None if kind is None else f'"{function.__name__}" is {kind} ({_place(function)}). {instead}'


def _parameters_problem(function, name):
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return f'"{name}" cannot be called with two arguments ({_place(function)}). Write def {name}(data, context).'
    except ValueError:
        # Some functions of extension modules do not tell.
        pass
    return None


def definition_of(function, task=None):
    """The definition of a declared or a plain function, for a call outside a functions file.

    `task` chooses one of a partition model's functions: `train`, `predict` or `fitPredict`.
    """
    if not callable(function):
        raise TypeError(f"{function!r} is no function. Pass a partition function.")
    definitions = definitions_of(function)
    found = [each for each in definitions if task is None or (each.model is not None and each.model["task"] == task)]
    if len(found) == 1:
        return found[0]
    tasks = [each.model["task"] for each in definitions if each.model is not None]
    if tasks:
        raise TypeError(f"{function.__name__} is a partition model. Pass task=, one of {', '.join(map(repr, tasks))}.")
    if task is not None:
        raise TypeError(f"{function.__name__} is no partition model, so it has no task {task!r}.")
    return Definition(function.__name__, function, returns_rows=False)


def functions_of(module):
    """The partition functions of a loaded functions file, by name.

    Declared ones and those of declared models, wherever they come from; and plain functions that the file itself
    defines with two parameters without defaults, the last of them named `context`.
    """
    found = {}
    for attribute, value in vars(module).items():
        definitions = definitions_of(value)
        if not definitions:
            if attribute.startswith("_") or not _is_plain(value, module):
                continue
            problem = _name_problem(value.__name__) or kind_problem(value)
            if problem is not None:
                raise FunctionsFileError(f"The functions file has a partition function that cannot run: {problem}")
            definitions = (Definition(value.__name__, value, returns_rows=False),)
        for definition in definitions:
            known = found.setdefault(definition.name, definition)
            if known.call != definition.call:
                raise FunctionsFileError(
                    f'The functions file has two partition functions named "{definition.name}": '
                    f"{_place(known.call)} and {_place(definition.call)}. Rename one."
                )
    return found


def _is_plain(value, module):
    if not inspect.isfunction(value) or value.__module__ != module.__name__ or value.__name__ == "<lambda>":
        return False
    parameters = list(inspect.signature(value).parameters.values())
    return (
        len(parameters) == 2
        and all(
            each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and each.default is each.empty
            for each in parameters
        )
        and parameters[1].name == "context"
    )


def _place(function):
    code = getattr(function, "__code__", None)
    return "another file" if code is None else f"{code.co_filename}:{code.co_firstlineno}"
