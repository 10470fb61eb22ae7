"""Which names a model file may hold: never, only where a person trusts them, and for pickles at all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

# Whatever lies in these runs code, starts processes, or reaches files and networks. Nobody can trust it into a model.
# fmt: off
DENIED_MODULES = frozenset((
    "__builtin__", "__main__", "_io", "_posixsubprocess", "_thread", "_winapi", "asyncio", "atexit", "bdb",
    "builtins", "cffi", "cloudpickle", "code", "codecs", "codeop", "concurrent", "copyreg", "cProfile", "ctypes",
    "dill", "distutils", "doctest", "faulthandler", "ftplib", "functools", "gc", "glob", "http", "imp", "importlib",
    "inspect", "io", "ipdb", "IPython", "joblib", "linecache", "logging", "marshal", "mmap", "multiprocessing", "nt",
    "ntpath", "numpy.ctypeslib", "numpy.distutils", "numpy.f2py", "numpy.lib", "numpy.testing", "operator", "os",
    "pandas.io", "pathlib", "pdb", "pickle", "pickletools", "pip", "pkg_resources", "pkgutil", "platform", "posix",
    "posixpath", "profile", "pty", "pydoc", "resource", "runpy", "sched", "select", "setuptools", "shelve", "shutil",
    "signal", "site", "sklearn.datasets", "sklearn.utils._testing", "smtplib", "socket", "socketserver", "ssl",
    "subprocess", "sys", "sysconfig", "telnetlib", "tempfile", "threading", "timeit", "torch.hub",
    "torch.serialization", "trace", "traceback", "types", "typing", "urllib", "uuid", "venv", "weakref", "webbrowser",
    "xmlrpc", "zipimport",
))
# fmt: on

# What pickles of fitted estimators name beyond the estimators: how arrays, numbers and generators are put together
# again. Each builds a value from values; none calls what it is given.
# fmt: off
REBUILD = frozenset((
    "__builtin__.bool", "__builtin__.bytearray", "__builtin__.bytes", "__builtin__.complex", "__builtin__.dict",
    "__builtin__.float", "__builtin__.frozenset", "__builtin__.int", "__builtin__.list", "__builtin__.object",
    "__builtin__.set", "__builtin__.slice", "__builtin__.str", "__builtin__.tuple", "_codecs.encode", "builtins.bool",
    "builtins.bytearray", "builtins.bytes", "builtins.complex", "builtins.dict", "builtins.float",
    "builtins.frozenset", "builtins.int", "builtins.list", "builtins.object", "builtins.range", "builtins.set",
    "builtins.slice", "builtins.str", "builtins.tuple", "collections.defaultdict", "collections.OrderedDict",
    "copy_reg._reconstructor", "copyreg._reconstructor", "datetime.date", "datetime.datetime", "datetime.timedelta",
    "datetime.timezone", "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer", "numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer", "numpy.ndarray", "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64",
    "numpy.random._pickle.__bit_generator_ctor", "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor", "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    "numpy.random.bit_generator.SeedSequence", "scipy.interpolate._bsplines.BSpline",
    "sklearn._loss._loss.CyAbsoluteError", "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfGammaLoss", "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfPoissonLoss", "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss._loss.CyHalfTweedieLoss", "sklearn._loss._loss.CyHalfTweedieLossIdentity",
    "sklearn._loss._loss.CyHuberLoss", "sklearn._loss._loss.CyPinballLoss",
    "sklearn.linear_model._sgd_fast.EpsilonInsensitive", "sklearn.linear_model._sgd_fast.Hinge",
    "sklearn.linear_model._sgd_fast.Huber", "sklearn.linear_model._sgd_fast.Log",
    "sklearn.linear_model._sgd_fast.ModifiedHuber", "sklearn.linear_model._sgd_fast.SquaredEpsilonInsensitive",
    "sklearn.linear_model._sgd_fast.SquaredHinge", "sklearn.linear_model._sgd_fast.SquaredLoss",
))
# fmt: on


def is_denied(name: str) -> bool:
    """Whether "module.name" lies in a module that nobody can trust."""
    parts = name.split(".")
    return any(".".join(parts[:end]) in DENIED_MODULES for end in range(1, len(parts)))


def refused_in_pickle(names: Iterable[str]) -> list[str]:
    """Those of the names that a pickle may not have even where a person signs for it, sorted.

    It may have what a skops file may have without being asked, and REBUILD. Since the model is kept as skops, no
    other estimator could be kept anyway.
    """
    return sorted(name for name in names if name not in REBUILD and (is_denied(name) or name not in _known()))


@cache
def _known() -> frozenset[str]:
    """The types that skops takes for safe, and ours."""
    from skops.io import _trusted_types as types  # scikit-learn with it: only where a pickle is looked at

    from quarterdeck.core.models.skops_io import TRUSTED

    lists = (
        types.SKLEARN_ESTIMATOR_TYPE_NAMES, types.SKLEARN_INTERNAL_TYPE_NAMES, types.NUMPY_DTYPE_TYPE_NAMES,
        types.NUMPY_UFUNC_TYPE_NAMES, types.SCIPY_UFUNC_TYPE_NAMES,
    )  # fmt: skip
    return frozenset(name for names in lists for name in names) | frozenset(TRUSTED)
