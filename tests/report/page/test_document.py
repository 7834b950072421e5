"""The page as a whole: what it tells, that it is sound, and that nothing in it leads elsewhere or does anything."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from autotl.answers import read as read_answers
from autotl.errors import RunError
from autotl.folder import RunFolder
from autotl.report import words
from autotl.report.page import card, page, write
from autotl.result import SearchResult, open_run

from ..conftest import trial
from .conftest import Page, write_answers

EVIL = "<script>alert(1)</script>\x1b[2J\u202e'\"&{{7*7}}|`*"
SECTIONS = ("result", "classes", "trust", "pictures", "search", "backbones", "data", "cost", "again")


def changed(run: RunFolder, **values) -> SearchResult:
    run.metrics.write_text(json.dumps({**json.loads(run.metrics.read_text()), **values}))
    return open_run(run.path)


@pytest.fixture(scope="module")
def text(whole) -> str:
    return page(open_run(whole.path))


@pytest.fixture(scope="module")
def read(text) -> Page:
    return Page(text)


def test_every_section_is_there_and_named_in_the_contents(read):
    assert tuple(each["id"] for each in read.of("section")) == SECTIONS
    assert [each["href"] for each in read.of("a")] == [f"#{name}" for name in SECTIONS]


def test_the_html_is_well_formed(read):
    assert read.faults == []
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def test_headings_go_down_one_step_at_a_time(read):
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(read.headings, read.headings[1:], strict=False))


def test_pictures_plots_and_tables_speak_to_a_screen_reader(read):
    assert len(read.of("img")) > 8
    assert all(each["alt"].strip() for each in read.of("img"))
    drawn = read.of("svg")
    titles = {each["id"] for each in read.of("title") if "id" in each}
    assert len(drawn) >= 10
    assert all(each["role"] == "img" and each["aria-labelledby"] in titles for each in drawn)
    assert all(each.get("scope") in ("col", "row") for each in read.of("th"))


def test_nothing_leads_out_of_the_page_and_nothing_runs(text, read):
    for tag, attributes in read.tags:
        assert tag not in ("script", "iframe", "link", "object", "embed", "base", "form"), tag
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src", "xlink:href", "srcset", "data", "action", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/jpeg;base64,")), attributes[name][:80]
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "@import" not in text
    assert not re.search(r"https?://|//\w+\.", re.sub(r'data:image/jpeg;base64,[^"]*', "", text))
    policy = next(each for each in read.of("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy["content"]


def test_numbers_are_those_of_metrics_json(whole, read):
    metrics = json.loads(whole.metrics.read_text())
    for part, name in (("valid", "validation"), ("test", "test")):
        found = metrics[part]
        row = [words.score(found[each]) for each in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")]
        assert " ".join([name, *row, words.score(found["calibration_error"]), str(found["pictures"])]) in read.text
    assert f"Test accuracy {words.score(metrics['test']['accuracy'])} 95% interval 0.500 to 0.990" in read.text
    assert "so this number flatters; corrected for that, about 0.921" in read.text
    assert "Calibration error 0.123" in read.text
    assert "1.2 GB of memory at most" in read.text


def test_the_confusion_matrix_and_the_classes_are_those_of_the_predictions(whole, read):
    answers = open_run(whole.path).answers["test"]
    counts = [[int(((answers.labels == i) & (answers.guesses == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    for name, row in zip(("class_0", "class_1"), counts, strict=True):
        told = " ".join(f"{each} {each / sum(row):.0%}" if each else "0" for each in row)
        assert f"{name} {told}" in read.text
    recall = words.score(counts[0][0] / sum(counts[0]))
    precision = words.score(counts[0][0] / (counts[0][0] + counts[1][0]))
    assert f"class_0 {precision} {recall}" in read.text
    assert sum(map(sum, counts)) == json.loads(whole.metrics.read_text())["test"]["pictures"]


def test_the_search_is_told_trial_by_trial(read):
    assert "1 3 0.950" in read.text
    assert "Trial 2: the worker ran out of memory" in read.text
    assert "7 trials: 1 probe, 4 trained to their end, 1 stopped early, 1 failed" in read.text
    assert "learning_rate 75%" in read.text
    assert "unheard" not in read.text
    assert "mobilenet_v2 0.800 0.700 0.950 8.2 2.3M" in read.text
    assert "autotl search data/stripes --time 5m" in read.text
    assert "1 file cannot be read: a<b>.jpg" in read.text


def test_pictures_are_shown_though_the_data_are_gone(whole, read):
    assert not list(whole.path.parent.glob("stripes"))
    assert 8 < len(read.of("img")) <= 24 + 8
    assert "Most confident mistakes" in read.text
    assert "Where it looks" in read.text


def test_without_a_gallery_pictures_are_left_out_and_the_page_says_so(run, result):
    shutil.rmtree(run.gallery)
    found = Page(page(result))
    assert found.of("img") == []
    assert "No pictures: this run folder keeps no small copies" in found.text
    assert found.faults == []


def test_without_a_test_part_the_page_says_that_the_score_is_optimistic(run):
    shutil.rmtree(run.gallery)
    result = changed(run, test=None)
    write_answers(run, result.dataset, ("valid",))
    found = Page(page(result))
    assert "No untouched test part exists." in found.text
    assert "Believe this one" not in found.text
    assert "validation pictures" in found.text
    assert found.faults == []


def test_leaks_are_told_beside_the_headline(run):
    less = {**json.loads(run.metrics.read_text())["test"], "leaked": 2, "pictures": 6, "accuracy": 0.456}
    text = Page(page(changed(run, without_leaks={"test": less}))).text
    assert "2 of them show the same as one of an earlier part. Without these it is 0.456: believe that one." in text
    assert "took no part in the search" not in text


def test_a_run_of_one_trial_has_a_page(run):
    for file in run.path.glob("trials/*"):
        shutil.rmtree(file)
    for extra in (run.log, run.importances, run.probes, run.suspects, run.origin, run.predictions):
        extra.unlink()
    shutil.rmtree(run.gallery)
    run.save_record(trial(3, score=0.95))
    found = Page(page(changed(run, optimism=None, temperature=1.0)))
    assert found.faults == []
    assert "1 trial: 1 trained to their end" in found.text
    assert "Importances of parameters are not told" in found.text
    assert "does not tell which command" in found.text


def test_a_probe_that_won_is_told_as_one(run):
    found = Page(page(changed(run, trial=0)))
    assert "with one linear layer fitted on its features. Trial 0, a probe" in found.text
    assert "so it has no curves" in found.text
    assert found.faults == []


def test_names_that_strangers_chose_are_shown_and_never_obeyed(run):
    dataset = json.loads(run.dataset.read_text())
    dataset["classes"] = [EVIL, "bees"]
    run.dataset.write_text(json.dumps(dataset))
    record = json.loads((run.trial(3) / "trial.json").read_text())
    record["candidate"] |= {"backbone": EVIL, "head": "$a_b$" + EVIL}
    (run.trial(3) / "trial.json").write_text(json.dumps(record))
    shown = json.loads((run.gallery / "gallery.json").read_text())
    shown["shown"][0] |= {"file": f'"><img src=x onerror=alert(1)>{EVIL}', "label": EVIL}
    (run.gallery / "gallery.json").write_text(json.dumps(shown))
    result = open_run(run.path)
    write_answers(run, result.dataset, ("valid", "test"))
    text = page(result)
    found = Page(text)
    assert found.faults == []
    assert found.of("script") == []
    assert not [each for each in found.of("img") if "onerror" in each]
    assert "\x1b" not in text and "\u202e" not in text
    assert "<script>alert(1)</script>\\x1b[2J\\u202e" in found.text
    assert "49" not in re.findall(r"alert\(1\)[^|]*\|", found.text)[0]
    told = card(result)
    assert "<script" not in told and "\x1b" not in told
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in told


def test_what_is_no_picture_is_not_put_into_the_page(run, tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8\xff secret")
    (run.gallery / "1.jpg").unlink()
    (run.gallery / "1.jpg").symlink_to(tmp_path / "secret.jpg")
    (run.gallery / "2.jpg").write_bytes(b"root:x:0:0")
    before = len(Page(page(open_run(run.path))).of("img"))
    (run.gallery / "1.jpg").unlink()
    (run.gallery / "2.jpg").unlink()
    assert len(Page(page(open_run(run.path))).of("img")) == before


def test_page_and_card_are_written_into_the_run_folder_or_the_page_elsewhere(run, result, tmp_path):
    assert write(result) == run.report
    assert run.report.stat().st_size < 3_000_000
    assert run.card.read_text("utf-8").startswith("# stripes\n")
    run.card.unlink()
    assert write(result, tmp_path / "x.html").read_text("utf-8") == run.report.read_text("utf-8")
    assert not run.card.exists()


def test_where_nothing_can_be_written_one_line_says_so(result, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Name another file with -o"):
        write(result, tmp_path / "file" / "report.html")


def test_a_search_that_has_not_ended_has_no_page(run):
    run.metrics.unlink()
    with pytest.raises(RunError, match="no finished search"):
        page(open_run(run.path))


def test_the_card_tells_scores_limits_and_use(whole):
    result = open_run(whole.path)
    told, test = card(result), result.metrics["test"]
    assert f"| test | {words.score(test['accuracy'])} |" in told
    assert "| class_0 | 4 | 4 | 4 |" in told
    for heading in ("How it is made", "What it learnt from", "How good it is", "What to mind", "How to use it"):
        assert f"\n## {heading}\n" in told
    assert "```sh\nautotl search data/stripes --time 5m\n```" in told


@pytest.mark.parametrize("content", ["", "a,b\n", "path,split,label,predicted,confidence,p,q\nx,test,class_0,,,2,3\n"])
def test_predictions_of_another_shape_are_refused_in_a_line(run, content):
    run.predictions.write_text(content)
    with pytest.raises(RunError, match=r"predictions\.csv is not as a search writes it"):
        read_answers(run, ("class_0", "class_1"))


@pytest.mark.parametrize("name", ["importances.json", "best/gallery/gallery.json", "origin.json"])
def test_files_of_another_shape_are_refused_in_a_line(run, name):
    (run.path / name).write_text('{"a": "b"}')
    with pytest.raises(RunError, match=name.rpartition("/")[2]):
        page(open_run(run.path))


def test_a_log_of_another_shape_is_no_hindrance(run):
    run.save_record(trial(4))
    odd = [{"event": "TrialEnded", "record": {"number": []}, "elapsed": 1}, {"event": "TrialEnded", "record": 3}, [1]]
    run.log.write_text("\n".join(map(json.dumps, odd)) + "\n" + "[" * 100_000)
    assert "trials, as they ended" in page(open_run(run.path))
