"""Adding a model folder of the person's: it is checked and named, and stays where it is."""

from __future__ import annotations

import re
from pathlib import Path

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.models.catalogued import fresh_id
from mactuner_core.models.check import check_model_folder
from mactuner_core.workspace import Workspace, check_name


def add_folder(workspace: Workspace, catalog: Catalog, path: Path, name: str | None = None) -> Model:
    """Return the catalogue row of the model in `path`, made now unless that folder is known already.

    Raises InputError when the folder is no usable model, or `name` is taken or impossible.
    """
    folder = path.expanduser().resolve()
    facts = check_model_folder(folder)
    known = next((model for model in catalog.models() if model.path == str(folder)), None)
    if known and name in (None, known.id):
        return known
    model_id = check_name(name) if name else fresh_id(workspace, catalog, plain_name(folder.name))
    row = Model(
        id=model_id,
        name=model_id,
        source="folder",
        path=str(folder),
        architecture=facts.architecture,
        parameters=facts.parameters,
        bytes=facts.bytes,
    )
    catalog.add(row)
    return row


def plain_name(text: str) -> str:
    """Return `text` as a name: letters, digits, '.', '-' and '_' only, beginning with a letter or digit."""
    return re.sub(r"[^\w.\-]+", "-", text).strip("-._")[:56] or "model"
