"""Guards of the snapshot: what is refused before anything rests on a file, and before a file has its name."""

from tests.guards.table import Guard, undone, unless, without

BOX = "adapters/snapshot/container.py"
FILE = "adapters/snapshot/file.py"
ARCHIVE = "adapters/vault/raft_archive.py"
BARRIER = "adapters/vault/barrier.py"
JUDGE = "operations/snapshot/judge.py"
SAVE = "operations/snapshot/save.py"
TARGET = "adapters/snapshot/target.py"
KEPT = "operations/snapshot/retention.py"
NOTE = "steps/vault/last_snapshot.py"
F = "unit/test_snapshot_file.py::test_"
R = "unit/test_raft_archive.py::test_"
BROKEN = R + "what_is_no_whole_snapshot_is_refused"
S = "simulated/test_snapshot.py::test_"
J = "simulated/test_snapshot_job.py::test_"

JUDGED = (
    unless(
        "bytes behind the end of a file",
        f"{BOX}:_check_closed",
        "closing != bytes(BLOCK)",
        F + "a_file_with_bytes_behind_its_end_is_refused",
    ),
    unless(
        "a part that is not its manifest's",
        f"{FILE}:_read",
        "seen.parts() != manifest.parts",
        F + "swapped_parts_of_two_good_files_are_refused",
    ),
    unless(
        "a manifest that is not its end's",
        f"{FILE}:_read",
        "hashlib.sha256(seen.small[MANIFEST]).hexdigest() != end.manifest",
        F + "a_manifest_that_was_changed_is_refused",
    ),
    unless(
        "a snapshot of another environment",
        f"{JUDGE}:judged",
        "environment and found != environment",
        F + "another_environment_is_refused",
    ),
    unless(
        "another unseal key",
        f"{JUDGE}:_share",
        "key.fingerprint.upper() != manifest.share.unseal_key.upper()",
        F + "another_commits_unseal_key_is_named",
    ),
    undone(
        "manifest against content",
        f"{JUDGE}:opened_whole",
        "_compare(file.manifest, archive, census, head)",
        F + "a_manifest_that_contradicts_its_content_is_refused",
    ),
    unless(
        "a token of power in it",
        f"{JUDGE}:_no_power",
        "alive := powerful(tokens)",
        F + "b5_a_token_of_power_that_would_live_again_is_refused",
    ),
    unless(
        "the end of the compression",
        f"{ARCHIVE}:ArchiveReader.close",
        "not self._gzip.eof",
        R + "a_cut_of_its_last_bytes_is_noticed_which_vault_lets_pass",
    ),
    unless(
        "the end of the archive",
        f"{ARCHIVE}:ArchiveReader.close",
        "self._held or self._closing < 2 * BLOCK",
        BROKEN,
    ),
    undone("the clear sums", f"{ARCHIVE}:ArchiveReader.close", "self._check_sums()", BROKEN),
    unless("sealed sums that are not there", f"{ARCHIVE}:ArchiveReader.close", "missing", BROKEN),
    unless(
        "garbage behind the archive",
        f"{ARCHIVE}:ArchiveReader.feed",
        "data or self._gzip.unused_data",
        BROKEN,
    ),
    unless("an empty state", f"{ARCHIVE}:ArchiveReader._begin", "info.size == 0", BROKEN),
    unless(
        "sums made anew",
        f"{BARRIER}:check_sealed_sums",
        "parse_sums(opened.reveal()) != parse_sums(clear)",
        R + "sums_made_anew_over_another_state_are_refused_which_vault_lets_pass",
    ),
    unless(
        "a state that ends inside an entry",
        f"{BARRIER}:Entries.close",
        "self._held",
        R + "a_state_that_ends_inside_an_entry_is_refused",
    ),
    Guard(
        "an entry bound to its path",
        f"{BARRIER}:_barrier_open",
        "path.encode() if value[4:5] == bytes([BOUND_TO_PATH]) else None",
        "None",
        R + "every_entry_is_opened_and_tells_what_lives_in_it",
    ),
)

SAVED = (
    Guard(
        "a token of power before it streams",
        f"{SAVE}:write",
        "    key = _key(head)\n    _no_power(platform)\n",
        "    key = _key(head)\n",
        S + "b5_nothing_is_saved_while_a_token_with_power_lives",
    ),
    Guard(
        "a token of power after it streamed",
        f"{SAVE}:write",
        "        saver.end()\n        _no_power(platform)\n",
        "        saver.end()\n",
        S + "b5_a_root_token_that_comes_while_it_streams_is_seen",
    ),
    unless(
        "a token that lives on",
        "operations/snapshot/saver.py:Saver.end",
        "self.accessor in self._session.accessors()",
        S + "a_token_that_lives_on_leaves_no_file",
    ),
    unless(
        "a ledger without its head",
        f"{SAVE}:_bundle",
        "head is None or not ledger.entries or head != head_of(ledger, escrow=escrow, environment=environment)",
        S + "an_unfinished_run_is_not_saved",
    ),
    unless(
        "a file that is there",
        f"{TARGET}:not_over_another",
        "there",
        F + "a_file_that_is_there_is_not_written_over",
    ),
    Guard(
        "a half-written file goes",
        f"{TARGET}:LocalFile.abort",
        "self._part.unlink(missing_ok=True)",
        "pass",
        F + "a_stream_that_ends_early_leaves_no_file",
    ),
    unless(
        "a snapshot without a signature",
        f"{JUDGE}:_signed_by",
        "file.signature is None or key is None",
        F + "inv1_what_vault_did_not_sign_is_refused",
    ),
    unless(
        "a signature that names another key",
        f"{JUDGE}:_signed_by",
        "file.signature.key_id != key.key_id",
        F + "inv1_what_vault_did_not_sign_is_refused",
    ),
    unless(
        "a signature of another manifest",
        f"{JUDGE}:_signed_by",
        "not key.accepts(file.signature.value, signed_content(manifest_bytes(file.manifest)))",
        F + "inv1_what_vault_did_not_sign_is_refused",
    ),
)

KEPT_IN_THE_CLUSTER = (
    Guard(
        "the newest snapshots stay",
        f"{KEPT}:prune",
        "ours[: -max(keep, 1)]",
        "ours",
        J + "inv1_retention_keeps_the_newest_and_what_it_cannot_judge",
    ),
    without(
        "a snapshot of another cluster stays",
        f"{KEPT}:prune",
        "cluster == manifest.cluster and ",
        J + "inv1_a_snapshot_of_another_cluster_is_not_deleted",
    ),
    Guard(
        "one save at a time",
        "operations/snapshot/shelf.py:Folder.alone",
        "fcntl.LOCK_EX | fcntl.LOCK_NB",
        "fcntl.LOCK_UN",
        J + "two_at_once_are_one_and_a_refusal",
    ),
    Guard(
        "an older note over a newer one",
        f"{NOTE}:_is_noted",
        "known is not None and known.time >= last.time and not known.is_ahead(now)",
        "False",
        J + "an_older_job_that_ends_late_does_not_go_back",
    ),
)
