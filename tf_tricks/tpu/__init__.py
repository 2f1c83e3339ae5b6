"""The TPU compiler as a check: does a train step compile for a TPU, what does it need, about how fast is it?

No TPU is needed, only the extra `tpu-check`.
"""

from tf_tricks.tpu.check import check, check_trainer
from tf_tricks.tpu.chips import CHIPS, Chip, roofline
from tf_tricks.tpu.report import Report, Result

__all__ = ["CHIPS", "Chip", "Report", "Result", "check", "check_trainer", "roofline"]
