"""How large what is installed is: the wheel and the locked packages, as the image holds them, without the base image.

It builds the wheel and installs into a new environment, as the Dockerfile does, so it needs a package index.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_MEBIBYTE = 1024 * 1024
_SHOWN = 8


def install(folder: Path) -> Path:
    """What the first stage of the Dockerfile leaves: the environment without pip and setuptools."""
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    lock = str(ROOT / "requirements-postgres.lock")
    subprocess.run([*pip, "install", "--no-cache-dir", "--require-hashes", "--requirement", lock], check=True)
    subprocess.run(["/usr/bin/env", "make", "--quiet", "wheel"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", str(wheel)], check=True)
    subprocess.run([*pip, "uninstall", "--yes", "setuptools", "pip"], check=True)
    return environment


def sizes(environment: Path) -> Counter[str]:
    """Bytes by package, as directories and files of site-packages are named; all else is `environment`."""
    (packages,) = (environment / "lib").glob("python*/site-packages")
    found: Counter[str] = Counter()
    for path in environment.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.relative_to(packages).parts[0] if path.is_relative_to(packages) else "environment"
            found[inside] += path.stat().st_size
    return found


def main() -> None:
    """Install, and print the largest and the whole."""
    with tempfile.TemporaryDirectory() as folder:
        found = sizes(install(Path(folder)))
    print("| installed | MB |")
    print("|---|---|")
    for name, size in found.most_common(_SHOWN):
        print(f"| {name} | {size / _MEBIBYTE:.1f} |")
    print(f"| {len(found) - _SHOWN} more | {sum(size for _, size in found.most_common()[_SHOWN:]) / _MEBIBYTE:.1f} |")
    print(f"| all | {found.total() / _MEBIBYTE:.1f} |")


if __name__ == "__main__":
    main()
