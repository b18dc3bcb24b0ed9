"""Measuring how well a training tells mail apart that it has not seen."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.measure_spam import auc, recall, run


def test_a_table_tells_each_source_and_what_a_mail_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["path,source"]
    for kind, words in (("spam", "cheap pills now"), ("ham", "the meeting is moved")):
        (tmp_path / kind).mkdir()
        for number in range(6):
            raw = f"From: a@example.com\r\nSubject: {words} {number}\r\n\r\n{words} {number}"
            (tmp_path / kind / f"{number}.eml").write_text(raw)
            rows.append(f"{kind}/{number}.eml,old/{kind}")
    (tmp_path / "index.csv").write_text("\n".join(rows))
    assert run([str(tmp_path), "--index", str(tmp_path / "index.csv")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ["all", "old"]
    assert lines[-1].endswith("ms a mail: features and model")


def test_ranks_and_recall_are_those_of_the_textbook() -> None:
    ham, spam = np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.5, 2.0, 4.0])
    assert auc(ham, spam) == pytest.approx((3 + 2.5 + 4) / 12)
    assert recall(ham, spam, 0.25) == pytest.approx(2 / 3)  # 2 is the threshold: above it
    assert recall(ham, spam, 0.0) == pytest.approx(1 / 3)
