"""What lies in a folder of videos: names, captions, recordings, and the settings that fit them."""

import collections
import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from vdit.data.video_folder import animation, captions, container, folder, report, splits, windows
from vdit.data.video_folder.catalogue import Catalogue, Listed
from vdit.data.video_folder.ingest import Settings
from vdit.data.video_folder.request import Request

FEW_CROPS = 200  # --tile auto cuts tiles where the headers promise fewer crops than this


class Listing(NamedTuple):
    """All videos, in order of name; files that are none; settings; what a user is told."""

    videos: Catalogue
    ignored: list[str]
    settings: Settings
    messages: list[str]


@contextlib.contextmanager
def listing(asked: Request) -> Iterator[Listing]:
    """Looks at the folder, its captions and the headers of its videos.

    Raises `InputError` for what can't be listed, captioned or grouped as asked.
    """
    with contextlib.closing(Catalogue(asked.videos, folder.kinds(asked.takes_pictures))) as files:
        stills = leave_out_stills(asked, files)
        source = _captions(asked, files)
        line = _sides(asked, files, source)
        if asked.only is not None:
            files.keep(asked.only)
        without = len(files) - files.count("caption")[0]
        messages = [f"captions: {source.words}; {without} of {len(files)} videos have no caption"]
        settings = _settings(asked, files, messages.append)
        ignored = list(files.others())
        if others := sorted(set(ignored) - stills):
            messages.append(f"ignored, as not videos by their names: {report.some(others)}")
        if stills:
            messages.append(f"ignored, as stills: {report.some(sorted(stills))}")
        if line:
            messages.append(line)
        yield Listing(files, ignored, settings, messages)


def leave_out_stills(asked: Request, files: Catalogue) -> set[str]:
    """Takes files that might move by their names, and do not, for no videos, and returns them; none
    of interest to who asks for such."""
    if asked.takes_pictures:
        return set()
    names = (video.name for video in files if folder.may_move(video.name))
    stills = {name for name in names if animation.is_still(asked.videos / name)}
    files.leave_out(stills)
    return stills


def _captions(asked: Request, files: Catalogue) -> captions.CaptionSource:
    if asked.labels:
        return captions.of_folders(files)
    columns = (asked.caption_column, asked.file_column)
    return captions.read_captions(files, asked.videos, asked.captions, *columns)


def _settings(asked: Request, files: Catalogue, say: Callable[[str], None]) -> Settings:
    same = {
        key: getattr(asked, key)
        for key in ("frames", "stride", "validation", "seed", "keep_near_duplicates")
    }
    hop = asked.hop or windows.span(asked.frames, asked.stride)
    fps = asked.fps or commonest_rate(asked, files, say)
    tile = asked.tile == "always"
    if asked.tile == "auto":
        crops = sum(_frames(asked, video.name) // hop for video in files)
        tile = crops < FEW_CROPS
        fewer = f"fewer than {FEW_CROPS}: tiles at native resolution are cut"
        how = fewer if tile else "enough: centre crops, resized, are cut"
        say(f"--tile auto: a crop of each window would make about {crops}, {how}")
    return Settings(height=asked.size[0], width=asked.size[1], hop=hop, tile=tile, fps=fps, **same)


def commonest_rate(
    asked: Request, files: Collection[Listed], say: Callable[[str], None]
) -> float | None:
    """Frames a second that most headers say, about; says it where files differ."""
    rates = collections.Counter(_rate(asked, video.name) for video in files)
    unsaid = rates.pop(None, 0)
    if not rates:
        return None

    def about(fps: float) -> int:
        return sum(n for rate, n in rates.items() if container.same_rate(rate, fps))

    fps = max(rates, key=lambda rate: (about(rate), rates[rate]))
    if others := rates.total() - about(fps):
        say(
            f"{about(fps)} of {len(files)} files have about {fps:g} frames a second; other "
            f"rates, of {others}, are resampled to that (--fps)"
            + f"; {unsaid} can't be opened or say none"
            * (unsaid > 0)
        )
    return fps


def _frames(asked: Request, name: str) -> int:
    moves = asked.frames > 1 and folder.may_move(name)  # FFmpeg knows no WebP that does
    return (animation.frames if moves else container.frames_by_header)(asked.videos / name)


def _rate(asked: Request, name: str) -> float | None:
    moves = asked.frames != 1 and folder.may_move(name)  # None: of several shapes
    return (animation.rate if moves else container.rate_by_header)(asked.videos / name)


def _sides(asked: Request, files: Catalogue, source: captions.CaptionSource) -> str:
    """Sets what `--split` or `--groups` say of each video; returns a line on it, or a proposal."""
    if asked.split:
        splits.read_splits(files, asked.split, asked.file_column)
        return ""
    if asked.groups:
        return splits.group(files, asked.groups, source.table, source.file_column)
    return splits.proposal(files)
