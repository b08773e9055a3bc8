#!/usr/bin/env python3
"""Makes the image files beside it: pip install pillow tifffile imagecodecs numpy; python make_fixtures.py

Every picture is known by a formula that the Swift tests state too (`Gradient.swift`), and is written by Pillow, tifffile
or by hand, never by libvips, which is what the tests try.
"""
import io
import pathlib
import struct
import zlib

import numpy
import tifffile
from PIL import Image, ImageCms, ImageOps

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 48, 32


def gradient(width=WIDTH, height=HEIGHT, blue=128):
    """Red grows to the right, green downwards, blue is constant."""
    y, x = numpy.mgrid[0:height, 0:width]
    red, green = x * 255 // (width - 1), y * 255 // (height - 1)
    return numpy.stack([red, green, numpy.full_like(x, blue)], axis=-1).astype(numpy.uint8)


RGB = gradient()
GREY = RGB[..., 0]
ALPHA = RGB[..., 1]
PICTURE = Image.fromarray(RGB)
TURNS = Image.Transpose


def save(name, picture, **options):
    picture.save(HERE / name, **options)


def icc(space, tags):
    """A version 2 display profile of the given tags."""
    table, body = b"", b""
    for signature, data in tags:
        data += bytes(-len(data) % 4)
        table += signature + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data
    size = 132 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s12s4s", size, b"none", 0x02100000, b"mntr", space, b"XYZ ", bytes(12), b"acsp")
    header += bytes(28) + struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + body


def xyz(*values):
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def gamma(value):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def text(signature, words):
    return (b"text" + bytes(4) + words + b"\0") if signature == b"cprt" else (
        b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + bytes(1 + 78))


def rgb_profile(red, green, blue, curve):
    return icc(b"RGB ", [
        (b"desc", text(b"desc", b"test")), (b"cprt", text(b"cprt", b"none")), (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(*red)), (b"gXYZ", xyz(*green)), (b"bXYZ", xyz(*blue)),
        (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)])


RED, GREEN, BLUE = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SRGB = SRGB[:24] + bytes(12) + SRGB[36:]  # without its date, so that each run writes the same
# Where the file says red, blue is meant; the curve is nearly sRGB's own.
SWAPPED = rgb_profile(BLUE, GREEN, RED, gamma(2.2))
LINEAR = rgb_profile(RED, GREEN, BLUE, gamma(1.0))
LINEAR_GREY = icc(b"GRAY", [
    (b"desc", text(b"desc", b"test")), (b"cprt", text(b"cprt", b"none")), (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
    (b"kTRC", gamma(1.0))])


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(name, samples, colour, depth=8, interlaced=False, width=None, height=None, extra=b""):
    """A PNG by hand: Pillow writes neither 16-bit RGB nor Adam7. `width` and `height` may lie."""
    rows, columns = samples.shape[:2]
    data = samples.astype(">u2" if depth == 16 else "u1")

    def scan(part):
        return b"".join(b"\0" + row.tobytes() for row in part) if part.size else b""

    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    body = b"".join(scan(data[y::dy, x::dx]) for x, y, dx, dy in passes) if interlaced else scan(data)
    head = struct.pack(">IIBBBBB", width or columns, height or rows, depth, colour, 0, 0, int(interlaced))
    (HERE / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra
                              + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b""))


def jpegs():
    fine = {"quality": 95, "subsampling": 0}
    save("plain.jpg", PICTURE, **fine)
    save("progressive.jpg", PICTURE, progressive=True, **fine)
    save("grey.jpg", Image.fromarray(GREY), quality=95)
    undo = {1: None, 2: TURNS.FLIP_LEFT_RIGHT, 3: TURNS.ROTATE_180, 4: TURNS.FLIP_TOP_BOTTOM, 5: TURNS.TRANSPOSE,
            6: TURNS.ROTATE_90, 7: TURNS.TRANSVERSE, 8: TURNS.ROTATE_270}
    for tag, turn in undo.items():
        exif = Image.Exif()
        exif[274] = tag
        name = f"orientation-{tag}.jpg"
        save(name, PICTURE.transpose(turn) if turn is not None else PICTURE, exif=exif, **fine)
        shown = numpy.asarray(ImageOps.exif_transpose(Image.open(HERE / name))).astype(int)
        assert numpy.abs(shown - RGB).max() <= 6, name
    save("profile-swapped.jpg", PICTURE, icc_profile=SWAPPED, **fine)
    save("profile-linear-grey.jpg", Image.fromarray(GREY), icc_profile=LINEAR_GREY, quality=100)
    inks = numpy.zeros((16, 96, 4), numpy.uint8)  # paper, black, cyan, magenta, yellow, all inks
    for place, ink in enumerate([(0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0),
                                 (255, 255, 255, 255)]):
        inks[:, place * 16:place * 16 + 16] = ink
    save("cmyk.jpg", Image.fromarray(inks, "CMYK"), quality=100, subsampling=0)


def pngs():
    save("plain.png", PICTURE)
    save("grey.png", Image.fromarray(GREY))
    save("one-bit.png", Image.fromarray(((RGB[..., 0] >= 128) * 255).astype(numpy.uint8)).convert("1"))
    save("palette.png", PICTURE.quantize(16, method=Image.Quantize.MEDIANCUT))
    flat = Image.fromarray((RGB[..., 0] >= 128).astype(numpy.uint8), "P")
    flat.putpalette([200, 10, 10, 10, 10, 200])
    save("palette-transparent.png", flat, transparency=0)
    rgba = numpy.dstack([RGB, ALPHA])
    save("alpha.png", Image.fromarray(rgba))
    save("grey-alpha.png", Image.fromarray(numpy.dstack([GREY, ALPHA])))
    png("deep.png", RGB.astype(numpy.uint16) * 257, colour=2, depth=16)
    png("deep-grey.png", GREY[..., None].astype(numpy.uint16) * 257, colour=0, depth=16)
    png("deep-alpha.png", rgba.astype(numpy.uint16) * 257, colour=6, depth=16)
    png("interlaced.png", RGB, colour=2, interlaced=True)
    save("profile-srgb.png", PICTURE, icc_profile=SRGB)
    save("profile-linear.png", PICTURE, icc_profile=LINEAR)
    save("profile-linear-alpha.png", Image.fromarray(rgba), icc_profile=LINEAR)
    save("profile-broken.png", PICTURE, icc_profile=LINEAR[:200] + b"nonsense" * 9)
    save("profile-of-other-colours.png", PICTURE, icc_profile=LINEAR_GREY)
    png("hostile-huge.png", RGB, colour=2, width=20000, height=20000)
    png("large-truncated.png", numpy.zeros((2000, 2500, 3), numpy.uint8), colour=2)
    whole = (HERE / "large-truncated.png").read_bytes()
    (HERE / "large-truncated.png").write_bytes(whole[:len(whole) // 2])
    png("hostile-wide.png", RGB, colour=2, width=2**31 - 1, height=1)


def webps():
    save("plain.webp", PICTURE, lossless=True)
    save("lossy.webp", PICTURE, quality=95)
    save("alpha.webp", Image.fromarray(numpy.dstack([RGB, ALPHA])), lossless=True, exact=True)
    save("animated.webp", PICTURE, lossless=True, save_all=True,
         append_images=[Image.fromarray(255 - RGB)], duration=100)


def tiff(name, data, **options):
    options.setdefault("photometric", "rgb")
    tifffile.imwrite(HERE / name, data, metadata=None, software=False, **options)


def pyramid(name, levels, subdirectories, extra=(), **file_options):
    """`levels` are arrays; `extra` are pages in strips that stand behind the first one, as in Aperio's files."""
    options = {"photometric": "rgb", "tile": (64, 64), "compression": "deflate", "predictor": True, "metadata": None,
               "software": False}
    with tifffile.TiffWriter(HERE / name, **file_options) as file:
        file.write(levels[0], subifds=len(levels) - 1 if subdirectories else None, **options)
        for page in extra:
            file.write(page, photometric="rgb", metadata=None, rowsperstrip=8, subfiletype=1,
                       compression="deflate", predictor=True, software=False)
        for level in levels[1:]:
            file.write(level, subfiletype=1, **options)


def tiffs():
    tiff("plain.tif", RGB)
    tiff("big-endian.tif", RGB, byteorder=">", compression="lzw")
    tiff("bigtiff.tif", RGB, bigtiff=True, compression="zlib")
    tiff("planes.tif", numpy.moveaxis(RGB, -1, 0).copy(), planarconfig="separate")
    tiff("deep.tif", RGB.astype(numpy.uint16) * 257, compression="zlib", predictor=True)
    tiff("grey.tif", GREY, photometric="minisblack")
    tiff("grey-inverted.tif", 255 - GREY, photometric="miniswhite")
    tiff("alpha.tif", numpy.dstack([RGB, ALPHA]), extrasamples=["unassalpha"])
    tiff("zstd.tif", RGB, compression="zstd")
    tiff("packbits.tif", RGB, compression="packbits")
    tiff("jpeg-tiles.tif", gradient(96, 64), tile=(32, 32), compression="jpeg",
         compressionargs={"level": 95, "subsampling": "444"})
    tiff("tiles.tif", gradient(100, 70), tile=(32, 32), compression="deflate", predictor=True)
    tiff("profile.tif", RGB, iccprofile=LINEAR)
    tiff("oriented.tif", numpy.asarray(PICTURE.transpose(TURNS.ROTATE_90)), extratags=[(274, 3, 1, 6, True)])
    tiff("oriented-tiles.tif", numpy.asarray(Image.fromarray(gradient(100, 70)).transpose(TURNS.ROTATE_90)),
         tile=(32, 32), compression="deflate", predictor=True,
         extratags=[(274, 3, 1, 6, True)])
    # Each level has a blue of its own, so that a test sees which one it got.
    sizes = [(256, 192), (128, 96), (64, 48)]
    levels = [gradient(w, h, blue=40 * place) for place, (w, h) in enumerate(sizes)]
    label = gradient(50, 90, blue=250)
    thumbnail = gradient(96, 72, blue=251)
    pyramid("pyramid-pages.tif", levels, subdirectories=False, extra=[thumbnail, label])
    pyramid("pyramid-subdirectories.tif", levels, subdirectories=True)
    odd = [gradient(w, h, blue=40 * place) for place, (w, h) in enumerate([(251, 187), (125, 93), (62, 46)])]
    pyramid("pyramid-odd.tif", odd, subdirectories=True, byteorder=">", bigtiff=True)

    tiff("refused-float.tif", RGB.astype(numpy.float32))
    tiff("refused-five-channels.tif", numpy.dstack([RGB, RGB[..., :2]]), extrasamples=[0, 0])
    tiff("refused-signed.tif", GREY.astype(numpy.int16), photometric="minisblack")
    # 32-bit complex samples: libvips 8.14 aborts the process on them.
    tiff("refused-complex.tif", GREY.astype(numpy.int32), photometric="minisblack")
    patch("refused-complex.tif", {339: 6})
    tiff("refused-jpeg2000.tif", RGB)
    patch("refused-jpeg2000.tif", {259: 33003})
    tiff("refused-lab.tif", RGB)
    patch("refused-lab.tif", {262: 8})
    tiff("hostile-huge.tif", RGB)
    patch("hostile-huge.tif", {256: 60000, 257: 60000})
    tiff("hostile-loop.tif", RGB)
    patch("hostile-loop.tif", {}, loop=True)


def patch(name, values, loop=False):
    """Overwrites inline values of the first directory of a little-endian TIFF."""
    data = bytearray((HERE / name).read_bytes())
    start, = struct.unpack_from("<I", data, 4)
    count, = struct.unpack_from("<H", data, start)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from("<HH", data, entry)
        if tag in values:
            struct.pack_into({3: "<H", 4: "<I"}[kind], data, entry + 8, values[tag])
    if loop:
        struct.pack_into("<I", data, start + 2 + 12 * count, start)
    (HERE / name).write_bytes(data)


def others():
    save("refused.gif", PICTURE.quantize(8))
    save("refused.bmp", PICTURE.resize((4, 4)))
    save("refused.jp2", PICTURE)


for make in (jpegs, pngs, webps, tiffs, others):
    make()
print(sum(path.stat().st_size for path in HERE.iterdir()), "bytes")
