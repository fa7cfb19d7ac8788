"""Guards of what a value and a record are: what leaves a secret value as text, and what a record has to say."""

from tests.guards.table import Guard, unless, without

SENSITIVE = "model/sensitive.py:Sensitive"
RECORD = "ledger/record.py"
V = "unit/test_sensitive.py::test_"
C = "unit/ledger/test_ledger_chain.py::test_"
W = "unit/ledger/test_witnesses.py::test_"
KIND = C + "h4_a_record_says_what_one_of_its_kind_has_to_say"
TYPE = C + "h4_each_member_has_its_type"

VALUES = (
    Guard("only ciphertext leaves", f"{SENSITIVE}.ciphertext", "if self._value.startswith(armored) or _is_pgp_message(self._value):", "if True:", V + "b4_what_is_no_encrypted_message_does_not_leave"),
    Guard("only a batch of records leaves", f"{SENSITIVE}.record", """if self._value.startswith(b'[{"payload":"') and self._value.endswith(b"}]"):""", "if True:", V + "h4_a_batch_of_records_leaves_as_it_is_and_nothing_else_does"),
    without("what begins like a message is one", "model/sensitive.py:_is_pgp_message", " or data[start] not in (3, 6)", V + "b4_what_is_no_encrypted_message_does_not_leave"),
    Guard("a message goes on with what is encrypted", "model/sensitive.py:_is_pgp_message", "_packet(data[start + length :])[0] in (1, 18, 20)", "True", V + "b4_what_is_no_encrypted_message_does_not_leave"),
    Guard("a value is not serialised", f"{SENSITIVE}._refuse", 'raise TypeError(f"a secret value ({self._label}) is not copied, pickled or serialised")', "return None", V + "b2_it_is_neither_copied_nor_serialised_nor_hashed"),
)  # fmt: skip

RECORDS = (
    unless("a record without a commitment", f"{RECORD}:Fact.__post_init__", "self.type is not RecordType.RETIRED and not self.commitments", KIND),
    unless("a COMMIT without its audit lines", f"{RECORD}:Fact.__post_init__", "self.type is RecordType.COMMIT and self.audit is None", KIND),
    unless("a RETIRED that does not say how", f"{RECORD}:Fact.__post_init__", "self.type is RecordType.RETIRED and self.retire is None", KIND),
    unless("a record before the first", f"{RECORD}:Record.__post_init__", "not all(0 <= number <= LARGEST for number in (self.seq, self.run.epoch, version))", C + "h4_a_record_has_a_place_and_a_time"),
    unless("a form that is another", f"{RECORD}:_require", "not pattern.fullmatch(value)", C + "h4_a_commit_and_a_blob_have_one_form"),
    unless("a text that is none", "ledger/statement.py:_text", "not isinstance(value, str)", TYPE),
    without("a number that is a truth value", "ledger/statement.py:_integer", " or isinstance(value, bool)", TYPE),
    unless("a head whose members are of other types", "ledger/head.py:_head", "type(size) is not int or not all(isinstance(value, str) for value in texts)", W + "h4_a_head_has_one_form_whoever_signed_it"),
    unless("an ACCEPTED version that nothing announced", "ledger/rules.py:_accepted", "not fact.commitments or _commitments(record) not in intents.get(place, frozenset())", C + "h4_a_version_that_was_set_follows_its_intent"),
    unless("a changed value that another run recorded", "ledger/store.py:_refuse_raced", "version is not None and version[1] in explained(ledger)[version[0]]", "simulated/test_ledger_store.py::test_h4_a_changed_value_is_recorded_once"),
    unless("another batch that was faster", "ledger/store.py:_restore_one", "_content(live) != wanted.content", "simulated/test_ledger_store.py::test_inv1_another_batch_that_is_faster_is_a_fork"),
    unless("a batch that is not there after a lost answer", "ledger/store.py:_restore_one", "live is None", "simulated/test_ledger_store.py::test_inv1_of_a_lost_answer_what_is_there_counts"),
)  # fmt: skip
