"""The newest backup that a database can be brought back from: of everything, vouched for, and no precaution."""

from common.errors import NotFound
from common.messages import say
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.sets.catalog import Catalog
from data_pipeline.sets.manifest import AnyManifest
from data_pipeline.storage.location import Location

FUTURE = "99999999_999999"
"""After every timestamp."""


def whole(catalog: Catalog, where: Location, layout: str | None = None, database: str | None = None) -> AnyManifest:
    """Its manifest. What a restore has saved before it began is none: those rows were to be replaced.

    layout: of which, or a store's family; LangChain's if absent. database: only backups of the database of this name.
    Raises NotFound.
    """
    wanted = layout or DOCUMENTED.family
    for manifest in catalog.manifests(where, FUTURE):
        whole = not manifest.partial and not manifest.precaution
        of_layout = (manifest.layout or DOCUMENTED.family) == wanted
        if whole and of_layout and database in (None, manifest.database):
            return manifest
    raise NotFound(say("no_whole_backup", path=where.relative_path))
