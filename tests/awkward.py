"""Small files of kinds that are easily read wrongly, made by the tests that read them."""

import fractions

import av
import numpy as np

from vdit.data import media
from vdit.data.video_folder import decode


def encoded(path, images, codec="libx264", pixels="yuv420p", rate=30, sar=None, keys=250, **more):
    """A file of `av.VideoFrame`s or uint8 images (H, W, 3), a key frame every `keys` at the latest;
    H.264 with two B-frames; with `more` of the codec's options."""
    with av.open(str(path), "w") as container:
        options = {"bf": "2", "qp": "1", "b_strategy": "0"} if codec == "libx264" else {}
        options |= {"g": str(keys)} | more
        stream = container.add_stream(codec, rate=rate, options=options)
        frames = [
            x if isinstance(x, av.VideoFrame) else av.VideoFrame.from_ndarray(x) for x in images
        ]
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, pixels
        if sar:
            stream.codec_context.sample_aspect_ratio = fractions.Fraction(sar)
        for number, frame in enumerate(frames):
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def counted(count=24, size=(48, 64)):
    """Frames whose level says their number: 10 k."""
    return [np.full((*size, 3), 10 * k, np.uint8) for k in range(count)]


def numbers(frames):
    return [round(float(frame.mean()) / 10) for frame in frames]


def frame_of(pixels, planes):
    """A frame of the given planes, as a decoder would give it."""
    height, width = planes[0].shape[:2]
    frame = av.VideoFrame(width, height, pixels)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : values[0].size] = values.reshape(len(values), -1)
        plane.update(rows.tobytes())
    return frame


def without_offsets(path):
    """B-frames in an MP4 whose table of composition offsets is gone."""
    data = encoded(path, counted()).read_bytes()
    assert data.count(b"ctts") == 1
    path.write_bytes(data.replace(b"ctts", b"free"))
    return path


def copied(path, stamp, codec="libx264"):
    """The packets of an AVI in another file, their time `stamp` of their number in 1/30 s."""
    source = encoded(path.with_suffix(".avi"), counted(), codec)
    with av.open(str(source)) as read, av.open(str(path), "w") as write:
        stream = write.add_stream_from_template(read.streams.video[0])
        packets = [packet for packet in read.demux(video=0) if packet.size]
        for number, packet in enumerate(packets):
            packet.pts = packet.dts = stamp(number)
            packet.stream, packet.time_base = stream, fractions.Fraction(1, 30)
            write.mux(packet)
    return path


def twice(path):
    """Two recordings in one transport stream, each with a clock of its own."""
    data = encoded(path, counted(), "mpeg2video").read_bytes()
    path.write_bytes(data + data)
    return path


def textured(count=24, size=(48, 64)):
    """`counted` with noise in a corner: packets that are long enough to be damaged."""
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), np.uint8)
    images = counted(count, size)
    for image, corner in zip(images, noise, strict=True):
        image[:8, :8] = corner
    return images


def damaged(path, number):
    """The file with the last two thirds of a packet zero."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    packet, data = packets[number], path.read_bytes()
    assert data.count(packet) == 1
    third = len(packet) // 3
    path.write_bytes(data.replace(packet, packet[:third] + bytes(len(packet) - third)))
    return path


def with_matrix(path, a, b, c, d):
    """An MP4 of four levels, TL 40, TR 90, BL 140, BR 190, with a matrix in its track's header."""
    levels = np.array([[40, 90], [140, 190]], np.uint8)
    image = levels.repeat(32, 0).repeat(48, 1)[..., None].repeat(3, -1)
    data = bytearray(encoded(path, [image] * 3).read_bytes())
    at = data.index(b"tkhd") + 44
    corner = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14]) * (1 << 16)
    data[at : at + 36] = corner.astype(">i4").tobytes()
    path.write_bytes(data)
    return path


def animation(path, lasts, fps=8):
    """`media.write_video` of frames of levels 20 k that are equal for `lasts[k]` frames."""
    video = np.concatenate(
        [[frame] * n for frame, n in zip(counted(len(lasts)), lasts, strict=True)]
    )
    media.write_video(path, video, fps=fps)
    return path


def frames(path):
    return np.stack(list(media.frames_of(path)))


def notes(path):
    reader = decode.VideoReader(path)
    assert list(map(reader.picture, reader))
    return reader.notes
