import random

import pytest

from segment_dagster_tests.text_finder import TextFinder


@pytest.mark.parametrize("length", [4, 5, 31, 32])
def test_a_text_is_found_wherever_it_stands(length):
    random.seed(length)
    letters = "abcdefgh"
    texts = ["".join(random.choices(letters, k=length + extra)) for extra in range(4)]
    finder = TextFinder(texts)
    for text in texts:
        for before in range(2 * length):
            for after in range(3):
                content = "_" * before + text + "_" * after
                assert finder.found(content) == {each.encode() for each in texts if each in content}
                assert finder.found(content.replace(text, text[:-1] + "_")) == {
                    each.encode() for each in texts if each in text[:-1]
                }


def test_all_that_stand_side_by_side_are_found():
    texts = ["abcd", "bcde", "cdefg", "xxxxx"]
    assert TextFinder(texts).found("abcdefg") == {b"abcd", b"bcde", b"cdefg"}
    assert TextFinder(texts).found(b"") == set()
