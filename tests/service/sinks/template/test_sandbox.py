"""What a template may not do: reach out, grow, go on, or put an alert into an error."""

import pytest

from service.sinks.template.sandbox import MOST_MADE_BYTES, MOST_TEMPLATE_CHARACTERS, BodyTemplate, TemplateRefusedError

GIVEN = {"title": "planted <title>", "facts": [{"what": "this"}] * 5, "numbers": list(range(100)), "long": "x" * 5_000}


def made(source: str, **more: object) -> str:
    return BodyTemplate(source, {"project": "SOC"}).text({**GIVEN, **more})


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ title | tojson }}", '"planted <title>"'),
        ("{{ title | clip(8) }}", "planted…"),
        ("{{ title | plain }}", "planted \u2039title\u203a"),
        ("{% for one in facts[:2] %}{{ loop.index }}{{ one.what }}{% endfor %}", "1this2this"),
        ("{% for k, v in facts[0] | items %}{{ k }}={{ v }}{% else %}none{% endfor %}", "what=this"),
        ("{{ values.project }} {{ values.other | default('none') }}", "SOC none"),
        ("{{ ['a', title ~ '!'] | join('; ') }}", "a; planted <title>!"),
        ("{{ 'many' if facts | length > 3 else 'few' }}", "many"),
    ],
)
def test_what_a_template_needs_is_there(source: str, text: str) -> None:
    assert made(source) == text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ title", "line 1: unexpected end of template"),
        ("\n{% for one in range(10) %}{% endfor %}", "line 2: "),
        ("{{ title.upper() }}", "line 1: Call is not available"),
        ("{{ 'x' * 1000000000 }}", "line 1: Mul is not available"),
        ("{{ 9 ** 9 ** 9 }}", "line 1: Pow is not available"),
        ("{{ '%99999999s' % title }}", "line 1: Mod is not available"),
        ("{% set x = title %}", "line 1: Assign is not available"),
        ("{% macro x() %}{{ x() }}{% endmacro %}", "line 1: Macro is not available"),
        ("{% include '/etc/passwd' %}", "line 1: Include is not available"),
        ("{% import 'os' as os %}", "line 1: Import is not available"),
        ("{% filter upper %}x{% endfilter %}", "line 1: FilterBlock is not available"),
        ("{{ title | center(100000000) }}", "line 1: No filter named 'center'"),
        ("{{ title | attr('x') }}", "line 1: No filter named 'attr'"),
        ("{% for one in [title | join(title)] %}{{ one }}{% endfor %}", "line 1: a loop can only go through a list"),
        ("{% for one in facts recursive %}{% endfor %}", "line 1: a loop can only go through a list"),
        (
            "{% for a in numbers %}{% for b in numbers %}{% for c in numbers %}{{ c }}" + "{% endfor %}" * 3,
            "might take",
        ),
        ("{{" + "(" * 5_000 + "1" + ")" * 5_000 + "}}", "is nested too deeply"),
        (" " * (MOST_TEMPLATE_CHARACTERS + 1), "is longer than 32,768 characters"),
    ],
)
def test_a_template_that_might_do_harm_is_refused_before_it_runs(source: str, why: str) -> None:
    with pytest.raises(TemplateRefusedError) as refusal:
        BodyTemplate(source, {})
    assert str(refusal.value).startswith(why)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{{ nothing }}", "line 1: 'nothing' is undefined"),
        ("\n\n{{ values.nothing }}", "line 3: 'dict object' has no attribute 'nothing'"),
        ("{{ title.__class__.__mro__ }}", "line 1: "),
        ("{{ numbers.append }}{{ numbers.__init__.__globals__ }}", "line 1: "),
        ("{{ title | join(title) | clip }}", "line 1: TypeError"),
        ("{{ title | clip(title) }}", "line 1: TypeError"),
        ("{{ -title }}", "line 1: TypeError"),
        ("{% for one in title %}{{ one }}{% endfor %}", "a loop can only go through a list"),
        ("{% for one in too_many %}{{ one }}{% endfor %}", "a loop goes through more than 100 entries"),
        ("{% for one in numbers %}{{ long }}{% endfor %}", "makes more than 262,144 bytes"),
        ("{{ numbers_as_text | join(long) }}", "makes more than 262,144 bytes"),
        ("{{ " + "|tojson" * 40 + " }}", "makes more than 262,144 bytes"),
    ],
)
def test_a_template_that_fails_says_where_and_how_and_nothing_of_the_alert(source: str, why: str) -> None:
    source = source.replace("{{ |", "{{ quoted|")
    with pytest.raises(TemplateRefusedError) as refusal:
        made(source, too_many=list(range(101)), numbers_as_text=["1"] * 100, quoted='"')
    assert str(refusal.value).startswith(why)
    assert "planted" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_no_text_becomes_larger_than_a_message_may_be() -> None:
    assert len(made("{{ numbers | tojson }}").encode()) < MOST_MADE_BYTES
