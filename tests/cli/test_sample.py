from __future__ import annotations


def test_digits_are_written_as_a_folder_per_class_and_the_next_command_is_told(autotl, tmp_path) -> None:
    done = autotl("sample", "digits", tmp_path / "my digits")
    assert done.exit_code == 0, done.output
    assert sorted(folder.name for folder in (tmp_path / "my digits").iterdir()) == [str(n) for n in range(10)]
    assert "1797 pictures" in done.stdout
    assert f"autotl search '{tmp_path / 'my digits'}'" in done.stdout
