import pytest

from wework_message.adapters.file_paths import is_file_path, is_path


@pytest.mark.parametrize("text", ["a", "/", "./a/b.db", "../é 数/a", "/a//b/", ".", "a" * 255, "/a" * 2_000])
def test_what_the_system_takes_as_a_path(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize("text", ["", " ", "\t", "a\0b", "\ud800", "a" * 256, "é" * 128, "/ab" * 1_366])
def test_what_it_would_refuse_for_its_form(text: str) -> None:
    assert not is_path(text)
    assert not is_file_path(text)


@pytest.mark.parametrize("text", ["/", "a/", ".", "..", "/a/.", "a/..", "a/ "])
def test_a_folder_is_no_file(text: str) -> None:
    assert is_path(text)
    assert not is_file_path(text)


@pytest.mark.parametrize("text", ["a", "/a/b", "a/.b", "./a", "../a.log"])
def test_the_path_of_a_file_ends_with_its_name(text: str) -> None:
    assert is_file_path(text)
