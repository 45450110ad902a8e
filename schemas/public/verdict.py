"""The verdict on a model: `verdict.json`."""

NAME, VERSION = "verdict", 2

FIELDS = {
    "statement": "the verdict in one sentence",
    "p_value": "of the first dose of the sequence",
    "confirmatory": "whether the sealed plan binds all that could be chosen after the draw",
    "not_bound": "if not, why: a clause each",
    "reject": "whether that dose is rejected: whether the model saw what was planted; null unless confirmatory",
    "alpha": "at which this verdict tests: the sealed one, or a tranche's share of it",
    "alpha_sealed": "over all verdicts that the plan allows",
    "minimum_detected_dose": "the last rejected dose of the sequence; null if there is none",
    "doses": "the sealed sequence: dose, units, tested, statistic, p_value, smallest_p (that the scores allow), "
    "cannot_reject (smallest_p is above alpha), draws (of which p is a share; 0 for a series), enumerated, reject",
    "self_attested": "whether the key alone decided the draw",
    "randomness": "what was declared to decide the draw (kind, name, round) and the value that did; whether its "
    "signature was checked, when the round came out, and whether whoever asked for the verdict stated the value",
    "campaign": "its number in the chain of commitments",
    "scope": "all units, or a tranche",
    "units": "sealed; judged (of a dose in the sequence); used; dropped for a missing score; outside_sequence; burned",
    "controls": "held-outs of a unit (m)",
    "statistic": "aligned_rank or mean",
    "metric": "name, version and sign of the primary metric",
    "redraws": "the sealed rule, and the seed of the Monte Carlo redraws",
    "missing": "what a missing score does",
    "checkpoints": "the sealed rule, note and names; name and sha256 of each that was scored, in order",
    "settings": "how the scores were made, as their manifest has it",
    "hashes": "of the commitment and its root, the plan (salted), the manifest of the scores, and drawn.json",
    "plan_version": "version of the sealed plan: earlier ones bind less",
    "scorer": "who vouches for the scores: nobody, sha256 or signature, and the fingerprint of the key",
    "redacted": "whether names of strata and candidates are left out of verdict and report",
    "caveats": "what a reader must know, gravest first",
    "exploratory": "everything else; nothing in it rejects",
}
"""What each field of the document means."""

ASKED = {
    "asked": "the kind of question, the sha256 of the questions, how many cues there are, fewest and most of a unit, "
    "and how many cues have answers of different numbers of tokens: null where the scores were made outside",
}
"""Fields that the document has besides, where answers to cues were judged."""

OUTSIDE = {"outside": "who made the scores, as they said, and which of them mean remembered"}
"""Fields that the document has besides, where another program made the scores."""
