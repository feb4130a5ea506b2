"""A model folder in a ZIP: looked through, unpacked into the workspace, checked, and added to the catalogue.

Only configuration, tokenizer and safetensors are unpacked; pickle, code and everything else stay in the archive. A name
that leads out of the folder, a link, a password or a ZIP bomb ends the work before anything is written.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mactuner_core.catalog import Catalog
from mactuner_core.catalog.tables import Model
from mactuner_core.errors import InputError
from mactuner_core.format import human_bytes
from mactuner_core.models.catalogued import fresh_id
from mactuner_core.models.check import PICKLES, ModelFacts, check_model_folder
from mactuner_core.models.folder import plain_name
from mactuner_core.models.hub_details import is_wanted
from mactuner_core.workspace import Workspace, check_free_space, check_name, new_folder

MAXIMUM_MEMBERS = 10_000
MAXIMUM_RATIO = 200  # weights hardly shrink, text five to twenty times; a bomb a thousand times
SMALL_BYTES = 10_000_000  # below this no ratio is looked at


@dataclass(frozen=True)
class Unpacked:
    """The model that was added, and the names of the files that stayed in the archive."""

    model: Model
    left_out: list[str]


def add_zip(
    workspace: Workspace, catalog: Catalog, source: Path | BinaryIO, file_name: str, name: str | None = None
) -> Unpacked:
    """Unpack the model in a ZIP into the workspace and add it to the catalogue.

    Raises InputError for a hostile or broken archive, and for one that holds no usable model; nothing is left behind.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _check_members(file_name, members)
            folder = _model_folder(file_name, members)
            wanted = [member for member in members if _belongs(member, folder)]
            _check_weights(file_name, members, wanted)
            wish = check_name(name) if name else plain_name(folder.name or Path(file_name).stem)
            model_id = wish if name else fresh_id(workspace, catalog, wish)
            if name and (workspace.models / name).exists():
                raise InputError("catalog.taken", id=name)
            check_free_space(workspace.models, sum(member.file_size for member in wanted))
            facts = _unpack(workspace, archive, wanted, model_id)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, FileExistsError, zlib.error) as problem:
        raise InputError("models.zip_broken", path=file_name, reason=problem) from problem
    row = Model(
        id=model_id,
        name=model_id,
        source="zip",
        path=str(workspace.models / model_id),
        architecture=facts.architecture,
        parameters=facts.parameters,
        bytes=facts.bytes,
    )
    try:
        catalog.add(row)
    except BaseException:
        shutil.rmtree(workspace.models / model_id, ignore_errors=True)
        raise
    taken = {member.filename for member in wanted}
    return Unpacked(row, [each.filename for each in members if not each.is_dir() and each.filename not in taken])


def _check_members(file_name: str, members: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive that was made to do harm, whatever else it holds."""
    if len(members) > MAXIMUM_MEMBERS:
        raise InputError("models.zip_many", path=file_name, count=len(members), limit=MAXIMUM_MEMBERS)
    for member in members:
        name = PurePosixPath(member.filename)
        outside = name.is_absolute() or ".." in name.parts or any(sign in member.filename for sign in "\\:")
        if outside or stat.S_ISLNK(member.external_attr >> 16):
            raise InputError("models.zip_unsafe", path=file_name, name=member.filename)
        if member.flag_bits & 1:
            raise InputError("models.zip_encrypted", path=file_name, name=member.filename)
        if member.file_size > max(SMALL_BYTES, member.compress_size * MAXIMUM_RATIO):
            packed, size = human_bytes(member.compress_size), human_bytes(member.file_size)
            raise InputError("models.zip_bomb", path=file_name, name=member.filename, packed=packed, size=size)


def _model_folder(file_name: str, members: list[zipfile.ZipInfo]) -> PurePosixPath:
    """Return the one folder of the archive that holds a config.json."""
    names = [PurePosixPath(member.filename) for member in members if not member.is_dir()]
    folders = sorted({name.parent for name in names if name.name == "config.json" and "__MACOSX" not in name.parts})
    if len(folders) != 1:
        some = ", ".join(str(folder) for folder in folders[:5]) or "–"
        raise InputError("models.zip_not_one", path=file_name, count=len(folders), folders=some)
    return folders[0]


def _belongs(member: zipfile.ZipInfo, folder: PurePosixPath) -> bool:
    name = PurePosixPath(member.filename)
    return not member.is_dir() and name.parent == folder and is_wanted(name.name)


def _check_weights(file_name: str, members: list[zipfile.ZipInfo], wanted: list[zipfile.ZipInfo]) -> None:
    if any(member.filename.endswith(".safetensors") for member in wanted):
        return
    endings = tuple(pattern.removeprefix("*") for pattern in PICKLES)
    pickles = [member.filename for member in members if member.filename.lower().endswith(endings)]
    if pickles:
        raise InputError("models.only_pickle", path=file_name, files=", ".join(pickles[:3]))
    raise InputError("models.no_weights", path=file_name)


def _unpack(workspace: Workspace, archive: zipfile.ZipFile, wanted: list[zipfile.ZipInfo], model_id: str) -> ModelFacts:
    """Write the files, under their bare names, and check the model before its folder gets its name."""
    with new_folder(workspace.models / model_id) as folder:
        for member in wanted:
            target = folder / PurePosixPath(member.filename).name
            with archive.open(member) as packed, target.open("xb") as out:  # never yields more than was declared
                shutil.copyfileobj(packed, out, 1 << 20)
        return check_model_folder(folder)
