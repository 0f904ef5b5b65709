"""Templates laid over objects."""

from mockserver.dialects.members import ABSENT, Told, fixed, kept, laid_over, made, null, said

TOLD = Told(mark="00")


def test_members_come_in_the_order_of_the_template_and_no_others() -> None:
    assert '{"b": 2, "a": 1}' == as_text(laid_over({"a": 1, "b": 2, "c": 3}, ("b", "a", "d"), TOLD))


def test_what_is_null_or_empty_may_be_left_out() -> None:
    given = {"a": None, "b": "", "c": []}
    assert {"a": None} == laid_over(given, (kept("a"), said("b"), said("c"), kept("d")), TOLD)


def test_what_is_not_there_may_be_null() -> None:
    assert {"a": None} == laid_over({}, (null("a"),), TOLD)


def test_a_member_may_have_another_name() -> None:
    assert {"reasoning": "so"} == laid_over({"thoughts": "so"}, (said("reasoning", of="thoughts"),), TOLD)


def test_a_member_may_go_with_some_chunks_only() -> None:
    template = (fixed("at_the_end", 1, on="finish usage"),)
    assert {} == laid_over({}, template, Told(mark="00", tags=frozenset({"text"})))
    assert {"at_the_end": 1} == laid_over({}, template, Told(mark="00", tags=frozenset({"finish", "text"})))


def test_templates_nest_in_objects_and_in_lists_of_them() -> None:
    template = (kept("list", inside=("a", kept("deep", inside=("c",)))),)
    assert {"list": [{"a": 1}, {"deep": {"c": 3}}]} == laid_over(
        {"list": [{"b": 2, "a": 1}, {"deep": {"c": 3, "d": 4}}]}, template, TOLD
    )


def test_null_stays_null_where_an_object_could_be() -> None:
    assert {"a": None} == laid_over({"a": None}, (kept("a", inside=("b",)),), TOLD)


def test_a_member_may_be_made_of_others_or_not_at_all() -> None:
    template = (made("sum", lambda _, given: given.get("a", 0) + 1 if "a" in given else ABSENT),)
    assert {"sum": 3} == laid_over({"a": 2}, template, TOLD)
    assert {} == laid_over({}, template, TOLD)


def as_text(value: dict[str, int]) -> str:
    return "{" + ", ".join(f'"{name}": {number}' for name, number in value.items()) + "}"
