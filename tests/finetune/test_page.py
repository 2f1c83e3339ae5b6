"""The code of docs/finetuning.md runs."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "finetuning.md").read_text(encoding="utf-8")


def test_the_code_of_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.splitlines()[-1].split() == ["logits", "1,731", "yes"]  # 576 features, 3 classes
