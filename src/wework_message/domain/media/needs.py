"""What contents need of media assets: which files, whether these fit, and the content that a provider is sent.

A content without files is returned as it is, and looked at no further than its type.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar, cast

from wework_message.domain.content import Content, MergedContent, QuoteContent, WithFile
from wework_message.domain.content.files import changed, is_given, json_names, without
from wework_message.domain.content.mass import MassContent, MassImage
from wework_message.domain.content.rules import BIG_FILE_BYTES
from wework_message.domain.ids import MediaId
from wework_message.domain.media.asset import MediaAsset, MediaFacts, MediaFailure, MediaState
from wework_message.domain.media.handles import Handle, UploadKind
from wework_message.domain.media.kinds import FileKind, kind_of

AnyContent = TypeVar("AnyContent", bound=Content | MassContent)
Assets: TypeAlias = Mapping[MediaId, MediaAsset]
Named: TypeAlias = WithFile | MassImage

_MS: Final = 1_000
_NAME: Final = "file_name"
_MASS_LISTS: Final = ("images", "videos", "mini_programs", "files")
_MAY_HAVE: Final = (WithFile, QuoteContent, MergedContent, MassContent)


@dataclass(frozen=True, slots=True)
class Need:
    """A place in a content that names a media asset."""

    path: str
    """In the JSON of the content, to be put before the name of a field: ``messages[3].``; empty for the content itself."""
    media_id: MediaId
    file: Named
    """The content, or the part of it, that names the asset."""

    @property
    def kind(self) -> FileKind:
        """What the asset can be."""
        return kind_of(self.file)

    @property
    def needs_preview(self) -> bool:
        """Whether a picture of the asset is needed as well."""
        return bool(self.file.PREVIEW) and not is_given(getattr(self.file, self.file.PREVIEW[0]))


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why an asset cannot be what a content needs."""

    path: str
    """The field of the content, in its JSON."""
    failure: MediaFailure
    problem: str
    """In words, to follow the path."""


Upload: TypeAlias = tuple[MediaId, UploadKind]
"""An asset whose handle of this kind is needed."""


def names_media(content: Content | MassContent | None) -> bool:
    """Whether the content may name files, by its type alone."""
    return isinstance(content, _MAY_HAVE)


def needs(content: Content | MassContent | None) -> tuple[Need, ...]:
    """The assets that the content names, in the order of the content; an asset that is named twice is there twice."""
    if not isinstance(content, _MAY_HAVE):
        return ()
    return tuple(
        Need(path, MediaId(str(file.media_id)), file) for path, file in _files(content, "") if is_given(file.media_id)
    )


def urls(content: Content | MassContent) -> tuple[str, ...]:
    """The URLs that the content names instead of assets, each once."""
    if not isinstance(content, _MAY_HAVE):
        return ()
    return tuple(dict.fromkeys(str(file.url) for _, file in _files(content, "") if is_given(file.url)))


def placed(content: AnyContent, ids: Mapping[str, MediaId]) -> AnyContent:
    """The content with assets in the place of its URLs, and of other assets: by URL, or by the id that is there."""

    def change(file: Named) -> Named:
        media_id = ids.get(str(file.url if is_given(file.url) else file.media_id))
        return file if media_id is None else changed(file, {"media_id": media_id, **without("url")})

    return _mapped(content, change)


def uploads(content: Content | MassContent, assets: Assets) -> tuple[Upload, ...]:
    """The handles that the content needs, each once. Every asset is READY and fits, those of `previews` too."""
    listed: dict[Upload, None] = {}
    for need in needs(content):
        asset = assets[need.media_id]
        listed[need.media_id, need.kind.upload_of(_facts(asset).size)] = None
        if need.needs_preview and asset.preview_id is not None:
            listed[asset.preview_id, UploadKind.PREVIEW] = None
    return tuple(listed)


def previews(content: Content | MassContent, assets: Assets) -> frozenset[MediaId]:
    """The pictures of its videos that it needs as well: `assets` has to have them before anything else is asked."""
    shown = (
        assets[need.media_id].preview_id for need in needs(content) if need.needs_preview and need.media_id in assets
    )
    return frozenset(media_id for media_id in shown if media_id is not None)


def misfit(need: Need, assets: Assets) -> Misfit | None:
    """Why this asset is not what the content needs; None as long as nothing that is known speaks against it."""
    asset = assets.get(need.media_id)
    media = f"{need.path}mediaId"
    if asset is None:
        return Misfit(media, MediaFailure.GONE, "names no media that is there")
    if asset.state is MediaState.FAILED:
        failure = asset.failure or MediaFailure.GONE
        return Misfit(media, failure, f"names media that failed: {failure}")
    if (missing := _unnamed(need, asset)) is not None or asset.facts is None:
        return missing
    return _unfit(need, asset.facts) or _unread(need, asset, assets)


def _unnamed(need: Need, asset: MediaAsset) -> Misfit | None:
    """A name is known before the bytes are."""
    lacks_one = _NAME in need.file.READ and not is_given(getattr(need.file, _NAME)) and not asset.file_name
    return _required(need, _NAME) if lacks_one else None


def _unfit(need: Need, facts: MediaFacts) -> Misfit | None:
    kind, media = need.kind, f"{need.path}mediaId"
    if kind.mime_types and facts.seen.mime_type not in kind.mime_types:
        return Misfit(media, MediaFailure.WRONG_TYPE, f"must be of {', '.join(kind.mime_types)}")
    if kind.max_bytes is not None and facts.size > kind.max_bytes:
        return Misfit(media, MediaFailure.TOO_LARGE, f"must have at most {kind.max_bytes} bytes")
    if facts.size < kind.min_bytes:
        return Misfit(media, MediaFailure.WRONG_TYPE, f"must have at least {kind.min_bytes} bytes")
    return None


def _unread(need: Need, asset: MediaAsset, assets: Assets) -> Misfit | None:
    for attribute in need.file.READ:
        if not is_given(getattr(need.file, attribute)) and _READ[attribute](asset) is None:
            return _required(need, attribute)
    if need.needs_preview:
        preview = None if asset.preview_id is None else assets.get(asset.preview_id)
        if preview is not None and preview.state is MediaState.FAILED:  # it was there: nothing would make it again
            failure = preview.failure or MediaFailure.GONE
            return Misfit(f"{need.path}mediaId", failure, f"names a video whose preview failed: {failure}")
        if preview is None or preview.facts is None or None in (preview.facts.seen.width, preview.facts.seen.height):
            return _required(need, need.file.PREVIEW[0])
    return None


def _required(need: Need, attribute: str) -> Misfit:
    path = need.path + json_names(type(need.file))[attribute]
    return Misfit(path, MediaFailure.UNREADABLE, "is required, as the file does not tell it")


def rendered(content: AnyContent, assets: Assets, handles: Mapping[Upload, Handle]) -> AnyContent:
    """The content that a provider is sent: handles in the place of assets. `handles` has all of `uploads`, and nothing is a `misfit`.

    What the client gave wins over what was read. Raises `InvalidValueError` where a handle lacks what the content needs, such as a key.
    """

    def change(file: Named) -> Named:
        if not is_given(file.media_id):
            return file
        asset = assets[MediaId(str(file.media_id))]
        return changed(file, _values(file, asset, assets, handles))

    return _mapped(content, change)


def _values(file: Named, asset: MediaAsset, assets: Assets, handles: Mapping[Upload, Handle]) -> Mapping[str, Any]:
    facts = _facts(asset)
    kind = kind_of(file).upload_of(facts.size)
    handle = handles[asset.media_id, kind]
    values = {attribute: _OF_HANDLE[attribute](handle, facts) for attribute in file.HANDLE}
    values |= {attribute: _READ[attribute](asset) for attribute in file.READ if not is_given(getattr(file, attribute))}
    if kind is UploadKind.FILE:  # the only kind of FILE that has a key
        values["aes_key"] = handle.aes_key
    if asset.preview_id is not None and Need("", asset.media_id, file).needs_preview:
        preview = assets[asset.preview_id]
        seen = _facts(preview).seen
        shown = handles[asset.preview_id, UploadKind.PREVIEW]
        values |= {attribute: _OF_HANDLE[attribute](shown, _facts(preview)) for attribute in _PREVIEW_HANDLE}
        values |= {"preview_image_width": seen.width, "preview_image_height": seen.height}
    return {**values, **without("media_id")}


def _size(handle: Handle, facts: MediaFacts) -> int:
    """As the provider says, unless that makes a small file a big one: what is sent with it is by our count."""
    size = handle.size or facts.size
    return size if (size > BIG_FILE_BYTES) is (facts.size > BIG_FILE_BYTES) else facts.size


def _md5(handle: Handle, facts: MediaFacts) -> str:
    return handle.md5 or facts.md5


_OF_HANDLE: Final[Mapping[str, Callable[[Handle, MediaFacts], Any]]] = {
    "file_id": lambda handle, _: handle.file_id,
    "file_size": _size,
    "aes_key": lambda handle, _: handle.aes_key,
    "md5": _md5,
    "gif_url": lambda handle, _: handle.url,
    "image_url": lambda handle, _: handle.url,
    "size": _size,
    "preview_image_url": lambda handle, _: handle.url,
    "preview_image_size": _size,
    "preview_image_md5": _md5,
}
"""Where the fields of handles come from, by attribute."""
_PREVIEW_HANDLE: Final = ("preview_image_url", "preview_image_size", "preview_image_md5")


def _width(asset: MediaAsset) -> int | None:
    return None if asset.facts is None else asset.facts.seen.width


def _height(asset: MediaAsset) -> int | None:
    return None if asset.facts is None else asset.facts.seen.height


def _seconds(asset: MediaAsset) -> int | None:
    duration_ms = None if asset.facts is None else asset.facts.seen.duration_ms
    return None if duration_ms is None else (duration_ms + _MS // 2) // _MS


def _voice_seconds(asset: MediaAsset) -> int | None:
    seconds = _seconds(asset)
    return None if seconds is None else max(seconds, 1)


_READ: Final[Mapping[str, Callable[[MediaAsset], Any]]] = {
    "file_name": lambda asset: asset.file_name,
    "video_duration": _seconds,
    "voice_time": _voice_seconds,
    "video_width": _width,
    "video_height": _height,
    "image_width": _width,
    "image_height": _height,
    "thumb_width": _width,
    "thumb_height": _height,
}
"""Where the fields that are read from the bytes come from, by attribute; None: they could not be read."""


def _facts(asset: MediaAsset) -> MediaFacts:
    if asset.facts is None:
        raise ValueError("the asset is not READY")
    return asset.facts


def _files(content: object, path: str) -> Iterator[tuple[str, Named]]:
    """Everything in the content that can name an asset, with its path."""
    if isinstance(content, WithFile | MassImage):
        yield path, content
    elif isinstance(content, MergedContent):
        for position, item in enumerate(content.messages):
            yield from _files(item, f"{path}messages[{position}].")
    elif isinstance(content, QuoteContent):
        yield from _files(content.quote_message, f"{path}quoteMessage.")
    elif isinstance(content, MassContent):
        for name in _MASS_LISTS:
            for position, item in enumerate(getattr(content, name)):
                yield from _files(item, f"{path}{json_names(MassContent)[name]}[{position}].")


def _mapped(content: AnyContent, change: Callable[[Named], Named]) -> AnyContent:
    """The content with `change` made to each of its files; itself where nothing changes."""
    return cast("AnyContent", _changed(content, change)) if isinstance(content, _MAY_HAVE) else content


def _changed(content: object, change: Callable[[Named], Named]) -> object:
    if isinstance(content, WithFile | MassImage):
        return change(content)
    if isinstance(content, MergedContent):
        return _with_lists(content, ("messages",), change)
    if isinstance(content, QuoteContent):
        quoted = _changed(content.quote_message, change)
        return content if quoted is content.quote_message else changed(content, {"quote_message": quoted})
    if isinstance(content, MassContent):
        return _with_lists(content, _MASS_LISTS, change)
    return content


def _with_lists(
    content: MergedContent | MassContent, names: tuple[str, ...], change: Callable[[Named], Named]
) -> object:
    new: dict[str, object] = {}
    for name in names:
        items = getattr(content, name)
        items_changed = tuple([_changed(item, change) for item in items])
        if any(after is not before for after, before in zip(items_changed, items, strict=True)):
            new[name] = items_changed
    return changed(content, new) if new else content
