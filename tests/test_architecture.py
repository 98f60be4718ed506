"""The rules of the layout, executed: who imports whom, where SQL stands, what an import may do, how long things are."""

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools import draw_rooms

PROJECT = Path(__file__).resolve().parent.parent

# From the ground up. A module imports from its own layer and those before it, never from one after it.
LAYERS = [
    ["common"],
    ["data_pipeline.layouts"],
    ["app_config", "data_pipeline.config", "data_pipeline.version"],
    ["data_pipeline.encryption"],
    ["data_pipeline.formats"],
    ["data_pipeline.storage"],
    ["data_pipeline.sets", "data_pipeline.postgres"],
    ["data_pipeline.postgres_server"],
    ["data_pipeline.stores"],
    [
        *(
            "data_pipeline.resolver",
            "data_pipeline.table_section",
            "data_pipeline.targets",
        ),
        "data_pipeline.store_targets",
        "data_pipeline.configuration",
        *("data_pipeline.dump_settings", "data_pipeline.import_settings", "data_pipeline.proxy_settings"),
        "data_pipeline.packing_settings",
        "data_pipeline.redis_settings",
        *("data_pipeline.settings", "data_pipeline.config_file", "data_pipeline.data_home", "data_pipeline.engine"),
    ],
    ["data_pipeline.operations"],
    ["data_pipeline.trainer"],
    ["data_pipeline.notify"],
    ["data_pipeline.jobs.backend", "data_pipeline.jobs.job"],
    ["data_pipeline.accounts", "data_pipeline.resources"],
    ["data_pipeline.jobs"],
    ["data_pipeline.api"],
    ["data_pipeline.cli"],
    ["data_pipeline.admin"],
    ["unified_api"],
    ["data_pipeline.__main__"],
]
WEB = {"flask", "flask_openapi3", "flask_openapi3_swagger", "waitress", "werkzeug"}
WEB_LAYERS = ("data_pipeline.api", "data_pipeline.admin", "unified_api")
PURE = ("data_pipeline.formats", "data_pipeline.layouts")
PROCESSES = ("data_pipeline.formats.worker", "data_pipeline.formats.worker_pool")
"""They run the pure code of their room in other processes."""
IMPURE = {"io", "os", "pathlib", "psycopg2", "shutil", "socket", "subprocess", "tempfile"}
SQL_ROOMS = (
    "data_pipeline.postgres",
    "data_pipeline.jobs.backend",
    "data_pipeline.postgres_server.embedded",
    "data_pipeline.operations.milvus.seen",
)
LAYOUTS = "data_pipeline.layouts"
TABLE_NAMES = "langchain_pg_"
PANEL_TEXTS = ("zh.js", "en.js")
MOST_MODULES = 16
"""In one room, its __init__ not counted."""
SQL = re.compile(
    r"\b(SELECT\s|INSERT\s+INTO\s|UPDATE\s.*\sSET\s|DELETE\s+FROM\s|TRUNCATE\s|COPY\s.*\s(FROM|TO)\s|SET\s+LOCAL\s"
    r"|(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TEMP\w*\s+)?(TABLE|INDEX|DATABASE|EXTENSION|SCHEMA)\s|LOCK\s+TABLE\s"
    r"|ANALYZE\s|SAVEPOINT\s)",
    re.DOTALL,
)
# Calls that connect, start something or read a file, by the last part of their name.
ACTS = {"Popen", "Process", "Thread", "call", "check_call", "check_output", "connect", "getenv", "open", "run", "start"}
HANDLES = {"connection", "cursor"}
LONGEST_MODULE = 300
CATALOGUES = "common.messages"
"""Its modules hold texts, a line each, and grow with them."""
LONGEST_FUNCTION = 60


def modules(*roots: str) -> dict[str, Path]:
    """Dotted name -> file, for files and packages of the project."""
    files = [path for root in roots for path in [PROJECT / f"{root}.py", *(PROJECT / root).rglob("*.py")]]
    names = {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in files if path.exists()}
    return {name.removesuffix(".__init__"): path for name, path in sorted(names.items())}


SERVICE = modules("unified_api", "app_config", "common", "data_pipeline")
APART = {"tests", "build", "dist"}
"""What isn't the project's code: its tests, and what a wheel was made of."""
EVERYTHING = SERVICE | modules(
    *(path.name for path in PROJECT.glob("[!.]*") if path.is_dir() and path.name not in APART)
)


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Once: a dozen rules look at every module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """What the module of a file imports: several rules ask, and parsing all modules takes a second."""
    return frozenset(imports(parsed(path)))


def imports(tree: ast.Module) -> set[str]:
    """What a module imports, wherever in it; `from a import b` gives both a and a.b."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_modules(name: str) -> set[str]:
    return set(imported(SERVICE[name]) & SERVICE.keys()) - {name}


def packages(path: Path) -> set[str]:
    """Those that the module of a file imports from."""
    return {name.partition(".")[0] for name in imported(path)}


def within(name: str, parents: tuple[str, ...] | list[str]) -> bool:
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def layer(name: str) -> int:
    return next((number for number, layer in enumerate(LAYERS) if within(name, layer)), -1)


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no function bodies, nothing under __main__."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            waiting += node.orelse
            continue
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def actions(tree: ast.Module) -> list[str]:
    """What the module does, besides defining things, when it is imported."""
    found = []
    for node in at_import(tree):
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in ("os.environ", "environ"):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ACTS:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The string literals with their lines; in an f-string {} stands for the values. Docstrings are none."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            skipped |= set(ast.walk(node)) - {node}
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and node not in skipped and isinstance(node.value, str | bytes):
            yield node.lineno, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def statements(tree: ast.Module) -> list[str]:
    return [f"line {line}: {text.strip()[:60]}" for line, text in texts(tree) if SQL.search(text)]


def long_functions(tree: ast.Module) -> list[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return [f"{name}: {length} lines" for name, length in lengths.items() if length > LONGEST_FUNCTION]


def untyped_handles(tree: ast.Module) -> list[str]:
    """Cursors and connections whose type says nothing: of parameters, fields and variables."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            name, annotation = node.arg, node.annotation
        elif isinstance(node, ast.AnnAssign):
            name, annotation = ast.unparse(node.target).rpartition(".")[2], node.annotation
        else:
            continue
        if name.strip("_") in HANDLES and annotation and "Any" in re.split(r"\W+", ast.unparse(annotation)):
            found.append(f"line {node.lineno}: {name}: {ast.unparse(annotation)}")
    return found


def may_be_untyped(path: Path) -> bool:
    """Whether it is worth parsing."""
    text = path.read_text(encoding="utf-8")
    return "Any" in text and any(name in text for name in HANDLES)


def offenders(names: dict[str, Path], rule: Callable[[ast.Module], list[str]]) -> list[str]:
    return [f"{name}: {fault}" for name, path in names.items() for fault in rule(parsed(path))]


def test_every_module_has_a_layer() -> None:
    assert [name for name in SERVICE if name != "data_pipeline" and layer(name) < 0] == []


def test_no_module_imports_from_a_layer_above_its_own() -> None:
    upward = [
        f"{name} imports {other}"
        for name in SERVICE
        for other in imported_modules(name)
        if layer(other) > layer(name) >= 0
    ]
    assert upward == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    waiting = {name: imported_modules(name) for name in SERVICE}
    while free := [name for name, needs in waiting.items() if not needs & waiting.keys()]:
        for name in free:
            del waiting[name]
    assert waiting == {}


def test_only_the_web_layers_know_the_web() -> None:
    others = {name: path for name, path in SERVICE.items() if not within(name, WEB_LAYERS)}
    assert {name: found for name, path in others.items() if (found := packages(path) & WEB)} == {}


def test_formats_and_layouts_know_neither_a_driver_nor_files() -> None:
    pure = {name: path for name, path in SERVICE.items() if within(name, PURE) and name not in PROCESSES}
    assert len(pure) > 5
    assert {name: found for name, path in pure.items() if (found := packages(path) & IMPURE)} == {}


def test_only_layouts_name_tables() -> None:
    """Docstrings and comments included. Texts may, and the panel's texts; files that are examples do."""
    silent = [path for name, path in SERVICE.items() if not within(name, [LAYOUTS, CATALOGUES])]
    panel = [path for path in (PROJECT / "data_pipeline/admin/static").glob("*.js") if path.name not in PANEL_TEXTS]
    assert len(panel) > 5
    assert [str(path) for path in (*silent, *panel) if TABLE_NAMES in path.read_text(encoding="utf-8")] == []


def test_no_module_keeps_the_names_of_tables_as_constants() -> None:
    wanted = {"COLLECTION", "EMBEDDING", "TABLES"}

    def constants(tree: ast.Module) -> list[str]:
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        return sorted(wanted & names)

    brought = {
        name: path for name, path in SERVICE.items() if wanted & {one.rpartition(".")[2] for one in imported(path)}
    }
    assert brought == {}
    naming = {name: path for name, path in SERVICE.items() if any(one in path.read_text("utf-8") for one in wanted)}
    assert offenders(naming, constants) == []


def test_sql_stands_in_its_rooms() -> None:
    others = {name: path for name, path in SERVICE.items() if not within(name, SQL_ROOMS)}
    assert offenders(others, statements) == []


def test_the_picture_of_the_rooms_is_what_its_maker_draws() -> None:
    assert (PROJECT / "docs" / "rooms.svg").read_text(encoding="utf-8") == draw_rooms.drawing()


def test_the_picture_of_the_rooms_has_each_layer_at_its_height() -> None:
    heights = {
        name.strip(): height
        for height, tier in enumerate(reversed(draw_rooms.TIERS))
        for room in tier
        for name in room.name.split(",")
    }
    layers = {name: max(layer(name), layer(f"data_pipeline.{name}")) for name in heights}
    assert min(layers.values()) >= 0
    below = [
        f"{name} below {other}"
        for name, height in heights.items()
        for other in heights
        if height < heights[other] and layers[name] > layers[other]
    ]
    assert below == []


def test_every_room_says_what_lives_there() -> None:
    rooms = [path for path in SERVICE.values() if path.name == "__init__.py"]
    assert [str(path) for path in rooms if not ast.get_docstring(parsed(path))] == []


def test_no_room_is_crowded() -> None:
    rooms: dict[str, int] = {}
    for name, path in SERVICE.items():
        if path.name != "__init__.py":
            room = name.rpartition(".")[0]
            rooms[room] = rooms.get(room, 0) + 1
    assert {room: count for room, count in rooms.items() if count > MOST_MODULES} == {}


def test_importing_a_module_does_nothing() -> None:
    assert offenders(SERVICE, actions) == []


def test_modules_are_short() -> None:
    code = {name: path for name, path in EVERYTHING.items() if not within(name, [CATALOGUES])}
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in code.items()}
    assert {name: length for name, length in lines.items() if length > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    assert offenders(EVERYTHING, long_functions) == []


def test_cursors_and_connections_have_types() -> None:
    known = {name: path for name, path in (EVERYTHING | modules("tests")).items() if may_be_untyped(path)}
    assert offenders(known, untyped_handles) == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(cursor: Any): ...",
        "async def f(*, connection: Any | None = None): ...",
        "def f(connection: AsyncConnection[Any]): ...",
        "class A:\n    cursor: typing.Any",
        "def f(self):\n    self._connection: Any = None",
    ],
)
def test_an_untyped_cursor_is_seen(source: str) -> None:
    assert untyped_handles(ast.parse(source)) != []


@pytest.mark.parametrize("source", ["def f(cursor: Cursor, rows: Any): ...", "def f(cursor): ...", "cursor = Any"])
def test_what_has_a_type_is_not_taken_for_untyped(source: str) -> None:
    assert untyped_handles(ast.parse(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "cursor.execute('SELECT 1')",
        "SQL('SET LOCAL x = 1')",
        'f"COPY {table} FROM STDIN"',
        'x = """\nCREATE UNIQUE INDEX i ON t (c)"""',
        "run(b'TRUNCATE t')",
    ],
)
def test_sql_is_seen(source: str) -> None:
    assert statements(ast.parse(source)) != []


@pytest.mark.parametrize("source", ['"""SELECT 1 is SQL"""', "x = 'copy to a file'", "x = 'the COPY stream'"])
def test_prose_is_not_taken_for_sql(source: str) -> None:
    assert statements(ast.parse(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import os\nHOST = os.environ['HOST']",
        "HOST = os.getenv('HOST')",
        "def f(host=os.environ.get('HOST')): ...",
        "class A:\n    connection = psycopg2.connect('')",
        "if True:\n    Thread(target=print).start()",
    ],
)
def test_what_an_import_does_is_seen(source: str) -> None:
    assert actions(ast.parse(source)) != []


@pytest.mark.parametrize(
    "source",
    ["def f():\n    return os.environ", "if __name__ == '__main__':\n    app.run()", "read = lambda: open('x')"],
)
def test_what_waits_for_a_call_is_not_taken_for_an_import(source: str) -> None:
    assert actions(ast.parse(source)) == []
