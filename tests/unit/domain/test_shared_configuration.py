"""Names of shared configurations."""

from wework_message.domain.ports.shared_configuration import Document, DocumentName


def test_a_name_has_its_group_where_that_is_not_the_usual_one() -> None:
    assert str(DocumentName("a.yaml", "DEFAULT_GROUP")) == "a.yaml"
    assert str(DocumentName("a.yaml", "ALL")) == "a.yaml@ALL"


def test_a_text_is_not_printed() -> None:
    assert "hunter2" not in repr(Document(DocumentName("a.yaml", "ALL"), "hunter2"))
