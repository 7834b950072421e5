"""The data room: from a folder or CSV of labelled pictures to a Dataset (paths and labels, no pixels)."""

from __future__ import annotations

from autotl.data.dataset import Dataset, Picture, Split
from autotl.data.finding import Finding
from autotl.data.labelled import load_labelled
from autotl.data.load import load

__all__ = ["Dataset", "Finding", "Picture", "Split", "load", "load_labelled"]
