"""A plan and its results, for people and for programs."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from wework_message.entrypoints.cli.fleet.document import binding_without_defaults, without_defaults
from wework_message.entrypoints.cli.fleet.plan import Action, Difference, Plan, Step
from wework_message.entrypoints.cli.fleet.run import Results
from wework_message.entrypoints.cli.terminal import Terminal, visible

_SIGNS: Final = {Action.CREATE: "+", Action.CHANGE: "~", Action.DISABLE: "-"}
_STYLES: Final = {"+": "green", "~": "yellow", "-": "red"}
_DONE: Final = {Action.CREATE: "created", Action.CHANGE: "changed", Action.DISABLE: "switched off"}


def account_action(steps: list[Step]) -> Action:
    """What happens to the account as a whole."""
    actions = {step.action for step in steps}
    return next((action for action in (Action.CREATE, Action.DISABLE) if action in actions), Action.CHANGE)


def show_plan(out: Terminal, plan: Plan) -> None:
    """Every change, account by account and field by field."""
    for account_id, steps in plan.changed.items():
        action = account_action(steps)
        sign = _SIGNS[action]
        note = "  (not in the file: is switched off)" if action is Action.DISABLE else ""
        out.print_line((sign, _STYLES[sign]), f" {account_id}", (note, "dim"))
        for step in steps:
            for mark, text in _lines(step):
                out.print_line("    ", (mark, _STYLES.get(mark, "")), f" {text}" if mark else text)


def _lines(step: Step) -> Iterator[tuple[str, str]]:
    if step.action is Action.CREATE:
        account = without_defaults(step.values)
        bindings = account.pop("bindings", ())
        yield from (("", f"{name}: {_shown(value)}") for name, value in account.items() if name != "accountId")
        yield from (("+", _binding(binding)) for binding in bindings)
    elif step.action in {Action.CHANGE, Action.DISABLE}:
        yield from (("", _changed(difference)) for difference in step.differences)
    elif step.action is Action.CHANGE_BINDING:
        changes = ", ".join(map(_changed, step.differences))
        yield "~", f"{' '.join(step.instance)}: {changes}"
    else:
        sign = "+" if step.action is Action.BIND else "-"
        yield sign, _binding(binding_without_defaults(step.values))


def _binding(binding: dict[str, Any]) -> str:
    rest = [f"{name}={_shown(value)}" for name, value in binding.items() if name not in {"providerCode", "guid"}]
    return " ".join((binding["providerCode"], binding["guid"], *rest))


def _changed(difference: Difference) -> str:
    return f"{difference.path}: {_shown(difference.before)} -> {_shown(difference.after)}"


def _shown(value: Any) -> str:
    if value is None or value in ([], ""):
        return "-"
    return value if isinstance(value, str) and value.isprintable() else msgspec.json.encode(value).decode()


def show_summary(out: Terminal, plan: Plan, unchanged: int, results: Results | None) -> None:
    """How many, and what a plan leaves alone; `results` is None for a dry run."""
    actions = [account_action(steps) for steps in plan.changed.values()]
    bad = set() if results is None else results.failures.keys() | results.unfinished
    if results is not None:
        actions = [account_action(steps) for account_id, steps in plan.changed.items() if account_id not in bad]
    parts = [f"{actions.count(action)} {text}" for action, text in _DONE.items() if action in actions]
    text = ", ".join(parts) or "nothing to do"
    if results is None:
        text = f"would be: {text}" if parts else text
    out.print_line(f"{text}; {unchanged} unchanged")
    if plan.kept_accounts:
        out.print_line(f"not in the file and kept: {', '.join(plan.kept_accounts)} (--prune switches them off)")
    for account_id, instance in plan.kept_bindings:
        out.print_line(f"not in the file and kept: {' '.join(instance)} of {account_id} (--prune removes it)")


def show_failures(out: Terminal, results: Results) -> None:
    """Which accounts failed, and why."""
    for account_id, failure in results.failures.items():
        out.print_line(("failed:", "bold red"), f" {account_id}: {failure.message}")
        for detail in failure.details:
            out.print_line("  ", visible(detail))
    if results.unfinished:
        out.print_line(("not finished:", "bold red"), f" {', '.join(sorted(results.unfinished))}")


def report(plan: Plan, unchanged: int, results: Results | None) -> dict[str, Any]:
    """The same for a program; `results` is None for a dry run."""
    return {
        "dryRun": results is None,
        "unchanged": unchanged,
        "accounts": [_entry(account_id, steps, results) for account_id, steps in plan.changed.items()],
        "keptAccounts": list(plan.kept_accounts),
        "keptBindings": [
            {"accountId": account_id, "providerCode": instance[0], "guid": instance[1]}
            for account_id, instance in plan.kept_bindings
        ],
    }


def _entry(account_id: str, steps: list[Step], results: Results | None) -> dict[str, Any]:
    failure = None if results is None else results.failures.get(account_id)
    return {
        "accountId": account_id,
        "action": account_action(steps).value,
        "result": _result(account_id, results),
        "error": None if failure is None else failure.document or {"message": failure.message},
        "steps": [_step(step) for step in steps],
    }


def _result(account_id: str, results: Results | None) -> str:
    if results is None:
        return "PLANNED"
    if account_id in results.failures:
        return "FAILED"
    return "UNFINISHED" if account_id in results.unfinished else "DONE"


def _step(step: Step) -> dict[str, Any]:
    of_account = step.action in {Action.CREATE, Action.CHANGE, Action.DISABLE}
    named = {} if of_account else {"providerCode": step.instance[0], "guid": step.instance[1]}
    return {
        "action": step.action.value,
        **named,
        "differences": [
            {"path": difference.path, "before": difference.before, "after": difference.after}
            for difference in step.differences
        ],
    }
