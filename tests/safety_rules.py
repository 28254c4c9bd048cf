"""Which test shows which rule for everything that writes to somebody's catalog. `pytest -m rule_7` runs those of rule 7.

A name without a test of it stands for its whole file.
"""

from __future__ import annotations

from typing import Final

RULES: Final[dict[int, tuple[str, ...]]] = {
    1: (
        "faults/test_fence.py::test_a_run_that_was_closed_while_it_waited_for_the_store_writes_nothing_more",
        "faults/test_other_sessions.py::test_a_row_changed_after_it_was_read_is_a_conflict_and_stays_as_the_other_session_left_it",
        "faults/test_catalog_upgrade.py",
    ),
    2: (
        "test_safety.py::test_rule_2_every_transaction_limits_statements_locks_and_silence_and_rule_5_no_session_keeps_it",
        "faults/test_frozen.py::test_the_locks_of_a_frozen_process_are_given_up_by_the_server_and_its_batch_was_never_there",
        "faults/test_engine_writes_meanwhile.py",
    ),
    3: (
        "test_catalog_pages.py::test_no_transaction_is_open_while_a_page_is_looked_at",
        "app/test_engine_hold.py::test_a_paused_job_reads_no_further_page_and_has_no_transaction_open",
    ),
    4: (
        "test_catalog_pages.py::test_every_entry_comes_exactly_once_whatever_the_page_size",
        "test_catalog_pages.py::test_a_page_that_times_out_is_read_smaller",
        "test_jobs_backup.py::test_it_is_said_before_how_long_the_snapshot_will_be_held",
    ),
    5: (
        "test_safety.py::test_rule_2_every_transaction_limits_statements_locks_and_silence_and_rule_5_no_session_keeps_it",
        "stories/test_pooler.py::test_the_whole_walk_goes_through_and_leaves_nothing_in_a_session",
    ),
    6: (
        "test_safety.py::test_rule_6_all_that_a_migration_may_hold_at_a_time_is_64_mib",
        "test_jobs_flow.py::test_a_queue_is_bounded_by_items_and_by_bytes",
    ),
    7: (
        "faults/test_frozen.py::test_a_frozen_migration_that_was_declared_dead_and_gone_back_on_wakes_up_and_writes_nothing",
        "app/test_engine_hold.py::test_a_paused_run_that_was_declared_dead_while_it_was_held_finds_out_by_its_heartbeat",
    ),
    8: (
        "faults/test_kill.py::test_a_run_that_is_killed_leaves_whole_entries_and_matching_before_images_and_a_rerun_completes",
        "faults/test_signals.py",
    ),
    9: (
        "faults/test_frozen.py::test_a_frozen_rollback_or_restore_is_a_run_like_any_other_and_fenced_like_one",
        "test_jobs_rollback.py::test_a_rollback_can_itself_be_rolled_back",
        "test_jobs_restore.py::test_a_restore_can_be_rolled_back_and_that_can_be_too",
    ),
    10: ("faults/test_other_sessions.py",),
    11: (
        "test_jobs_check.py::test_every_row_of_the_check",
        "test_store_reads.py::test_another_size_than_the_catalogs_is_a_mismatch_that_names_both",
        "test_store_faults.py::test_an_object_replaced_between_two_requests_is_never_stitched",
    ),
    12: ("test_jobs_decide.py::test_every_row_of_the_decision",),
    13: ("test_jobs_decide.py::test_every_row_of_the_decision",),
    14: ("test_jobs_check.py::test_a_files_own_footer_passes_beside_what_was_made_of_it",),
    15: (
        "stories/test_repair.py::test_unproved_repairs_are_written_where_they_are_accepted_and_told_of",
        "stories/test_repair.py::test_an_unproved_repair_is_never_written_because_the_store_could_not_be_asked",
    ),
    16: ("faults/test_wrong_store.py",),
    17: (
        "faults/test_circuit_breaker.py::test_a_store_that_fails_in_mid_run_stops_the_run_and_what_was_committed_stays",
        "test_store_faults.py::test_what_does_not_pass_within_the_budget_is_unreachable",
    ),
    18: ("faults/test_refused_rows.py", "faults/test_lost_connection.py"),
    19: (
        "faults/test_two_runs.py",
        "faults/test_frozen.py::test_two_processes_with_overlapping_selections_change_each_entry_once_and_both_count_rightly",
    ),
    20: ("stories/test_roles.py", "test_catalog_rights.py"),
    21: ("test_secrets.py",),
    22: ("test_safety.py::test_rule_22_the_plan_shows_how_much_log_table_and_journal_will_grow",),
}


def rules_of(name: str) -> list[int]:
    """`name`: a test as pytest names it, from the tests' directory on, without its parameters."""
    file = name.partition("::")[0]
    return [rule for rule, shown_by in RULES.items() if name in shown_by or file in shown_by]
