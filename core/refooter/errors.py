"""What stops a whole job: one sentence that says what is wrong and what to do, and the exit code that goes with it."""

from __future__ import annotations


class RefooterError(Exception):
    """The base of all of them. `code` is stable for scripts; `str()` is the sentence for people."""

    code = "error"
    exit_code = 3


class UsageError(RefooterError):
    """Wrong usage or configuration."""

    code = "usage"
    exit_code = 2


class NothingSelected(UsageError):
    """A view or path that does not exist, or a selection of nothing."""

    code = "nothing_selected"


class UnsupportedCatalog(RefooterError):
    """The database holds no lakehouse catalog, or one of a version that has nothing to migrate."""

    code = "unsupported_catalog"
    exit_code = 2


class MissingRights(RefooterError):
    """The database role may not do what the job needs."""

    code = "missing_rights"
    exit_code = 2


class PlanRefused(RefooterError):
    """The plan was shown, and the answer was no."""

    code = "plan_refused"
    exit_code = 2


class DatabaseUnreachable(RefooterError):
    """PostgreSQL could not be reached, or was lost and did not come back."""

    code = "database_unreachable"
    exit_code = 3


class DatabaseRefused(RefooterError):
    """PostgreSQL is there, but refused a statement that is nobody's row's fault."""

    code = "database"
    exit_code = 3


class DatabaseBusy(RefooterError):
    """PostgreSQL did not come to an end with a statement in the time that it has, or would have had to wait for a lock."""

    code = "database_busy"
    exit_code = 3


class StoreUnreachable(RefooterError):
    """The object store could not be reached, or holds nothing that the catalog names."""

    code = "store_unreachable"
    exit_code = 3


class RunStopped(RefooterError):
    """A run stopped itself: the circuit breaker, a closed run row, a catalog that changed."""

    code = "run_stopped"
    exit_code = 3


class CatalogChanged(RunStopped):
    """The catalog's version changed while a run was going on."""

    code = "catalog_changed"
    exit_code = 2
