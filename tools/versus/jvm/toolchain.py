"""What the peers in a Java virtual machine need: a JDK, their jars, their programs compiled."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass

JAVA_MIN = 17
FLINK_VERSION = "2.3.0"
# Of the whole distribution, 329 MB packed, these are what a local job needs.
FLINK_JARS = re.compile(r".*/lib/(flink-dist|log4j-(api|core|slf4j-impl))-[^/]*\.jar")
DISRUPTOR_PACKAGE = "libdisruptor-java"
DISRUPTOR_JAR = "usr/share/java/disruptor.jar"

PEERS = ["disruptor", "flink"]

# The heap is taken and touched before the clock, on huge pages where the system gives them; the
# collector is the one made for throughput.
JVM_OPTIONS = ["-XX:+UseParallelGC", "-XX:+AlwaysPreTouch", "-XX:+UseTransparentHugePages"]
# Each object on a cache line of its own: the slots of a ring, and with the table's first word at byte 16 all six words
# of its slots on one line.
DISRUPTOR_OPTIONS = ["-XX:ObjectAlignmentInBytes=64"]
# What Flink's own start scripts open (`env.java.opts.all` of its configuration), as far as a local job goes.
FLINK_OPTIONS = [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ["java.lang", "java.net", "java.io", "java.nio", "java.text", "java.time", "java.util"]
    + ["java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"]
]


class Missing(Exception):
    """Something that cannot be had here."""


@dataclass
class Peer:
    """A program of a peer, ready to run."""

    what: str
    main: str
    options: list
    classpath: list

    def command(self, heap, arguments):
        path = os.pathsep.join(str(entry) for entry in self.classpath)
        return [tool("java"), f"-Xms{heap}", f"-Xmx{heap}", *JVM_OPTIONS, *self.options, "-cp", path, self.main, *arguments]


def prepare(names, cache, here):
    """The peers of `names` that can be had, by name, and a line for each that cannot."""
    prepared, left_out = {}, []
    for name in names:
        try:
            need_jdk()
            cache.mkdir(parents=True, exist_ok=True)
            prepared[name] = {"disruptor": disruptor, "flink": flink}[name](cache, here)
        except Missing as missing:
            left_out.append(f"skipped: {name}: {missing}")
    return prepared, left_out


def java_version():
    """`openjdk version "17.0.15" 2025-04-15`."""
    done = subprocess.run([tool("java"), "-version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.partition("\n")[0]


def tool(name):
    """A program of the JDK: that of JAVA_HOME, or the one in the path."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(name, path=os.path.join(home, "bin") if home else None)
    if not found:
        where = f"JAVA_HOME, {home}" if home else "the path"
        raise Missing(f"there is no `{name}` in {where}; a JDK has it (Debian: default-jdk-headless)")
    return found


def need_jdk():
    tool("javac")
    version = java_version()
    found = re.search(r'version "(\d+)', version)
    if not found or int(found[1]) < JAVA_MIN:
        raise Missing(f"found {version}; expected Java {JAVA_MIN} or newer")


def disruptor(cache, here):
    jar = pathlib.Path("/") / DISRUPTOR_JAR
    if not jar.is_file():
        jar = cache / "disruptor" / DISRUPTOR_JAR
    if not jar.is_file():
        # Into a folder that apt's own user may write to.
        packages = cache / "debian"
        packages.mkdir(exist_ok=True)
        fetch(["apt-get", "download", DISRUPTOR_PACKAGE], packages)
        for package in packages.glob(f"{DISRUPTOR_PACKAGE}_*.deb"):
            fetch(["dpkg-deb", "-x", package.resolve(), (cache / "disruptor").resolve()], packages)
    if not jar.is_file():
        raise Missing(f"the package {DISRUPTOR_PACKAGE} has no {DISRUPTOR_JAR}")
    version = re.search(r"disruptor-(\d[\d.]*)\.jar", " ".join(os.listdir(jar.parent)))
    what = f"LMAX Disruptor {version[1] if version else 'of the system'}"
    classes = compile_java("disruptor", [jar], cache, here)
    return Peer(what, "DisruptorPeer", DISRUPTOR_OPTIONS, [classes, jar])


def flink(cache, here):
    jars = cache / f"flink-{FLINK_VERSION}"
    if not jars.is_dir():
        # The package is an archive of jars; --no-deps, because nothing of it is run by Python.
        package = f"apache-flink-libraries=={FLINK_VERSION}"
        fetch([sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", package], cache)
        archive = next(cache.glob(f"apache*flink*libraries-{FLINK_VERSION}.tar.gz"), None)
        if archive is None:
            raise Missing(f"{package} came in another form than an archive of jars")
        unpack(archive, jars)
        archive.unlink()
    classpath = sorted(jars.glob("*.jar"))
    classes = compile_java("flink", classpath, cache, here)
    return Peer(f"Flink {FLINK_VERSION}", "FlinkPeer", FLINK_OPTIONS, [classes, *classpath])


def unpack(archive, jars):
    """The jars that are wanted, all of them or no folder."""
    partial = jars.with_name(jars.name + ".tmp")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with tarfile.open(archive) as members:
        for member in members:
            if member.isfile() and FLINK_JARS.fullmatch(member.name):
                with members.extractfile(member) as packed, open(partial / pathlib.Path(member.name).name, "wb") as jar:
                    shutil.copyfileobj(packed, jar)
    partial.rename(jars)


def fetch(command, directory):
    """Runs what downloads or unpacks, in `directory`."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    except FileNotFoundError:
        raise Missing(f"there is no `{command[0]}` here") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Missing(f"`{' '.join(command)}` failed: {lines[-1].strip()}")


def compile_java(name, jars, cache, here):
    """The classes of a peer, compiled anew at each run: it takes a second or two."""
    classes = cache / "classes" / name
    shutil.rmtree(classes, ignore_errors=True)
    classes.mkdir(parents=True)
    sources = sorted([*(here / "java").glob("*.java"), *(here / name).glob("*.java")])
    path = os.pathsep.join(str(jar) for jar in jars)
    done = subprocess.run(
        [tool("javac"), "-nowarn", "-d", classes, "-cp", path, *sources], stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise Missing(f"javac failed:\n{done.stderr}")
    return classes
