"""The eight files of the cyberbullying data sets, as published: size, checksum, source, columns.

Source: Elsafoury, "Cyberbullying datasets", Mendeley Data, 2020, doi:10.17632/jf4pzyvnpj.1.
"""

from dataclasses import dataclass

KAGGLE_COLUMNS = ("index", "oh_label", "Date", "Text")
TWITTER_COLUMNS = ("index", "id", "Text", "Annotation", "oh_label")
WIKIPEDIA_COLUMNS = ("index", "Text", "ed_label_0", "ed_label_1", "oh_label")
YOUTUBE_COLUMNS = (
    "index",
    "UserIndex",
    "Text",
    "Number of Comments",
    "Number of Subscribers",
    "Membership Duration",
    "Number of Uploads",
    "Profanity in UserID",
    "Age",
    "oh_label",
)


@dataclass(frozen=True)
class KnownFile:
    """One published file: its size in bytes, its checksum, who wrote its comments, its header."""

    size: int
    sha256: str
    source: str
    columns: tuple[str, ...]


KNOWN_FILES = {
    "aggression_parsed_dataset.csv": KnownFile(
        size=50_413_897,
        sha256="172e0ac9a70f651b94148b1afa1e94bbb147e3309089101c36fdec1bd77e6b80",
        source="unknown",
        columns=WIKIPEDIA_COLUMNS,
    ),
    "attack_parsed_dataset.csv": KnownFile(
        size=50_361_681,
        sha256="4b6207bc7d05c3a8972c48d3b89254defb0c824c7a3ecd1f977ae4c7164d2a6c",
        source="unknown",
        columns=WIKIPEDIA_COLUMNS,
    ),
    "kaggle_parsed_dataset.csv": KnownFile(
        size=1_764_242,
        sha256="a66a989637a80c1fb43a3c04f5eb7013a917a5b11fccbd83e307dca8e6cc9783",
        source="kaggle",
        columns=KAGGLE_COLUMNS,
    ),
    "toxicity_parsed_dataset.csv": KnownFile(
        size=66_720_518,
        sha256="cfcf706367cf9107860cd49ae68dca263c09aad449918a33db8597c64358cb83",
        source="unknown",
        columns=WIKIPEDIA_COLUMNS,
    ),
    "twitter_parsed_dataset.csv": KnownFile(
        size=2_511_250,
        sha256="24967aaabf52745766fd206bd57f57321624301d8d7ca4bbde4d318781c0dfee",
        source="twitter",
        columns=TWITTER_COLUMNS,
    ),
    "twitter_racism_parsed_dataset.csv": KnownFile(
        size=1_981_897,
        sha256="882c4ef483e8204648f21e4dd3b771f7d2a0771a8802f6ee6399af2540967e25",
        source="twitter",
        columns=TWITTER_COLUMNS,
    ),
    "twitter_sexism_parsed_dataset.csv": KnownFile(
        size=2_164_204,
        sha256="207240434aaf353d44ed52eada554cd0f847ca37718aadccb380809362f3adfb",
        source="twitter",
        columns=TWITTER_COLUMNS,
    ),
    "youtube_parsed_dataset.csv": KnownFile(
        size=3_885_569,
        sha256="3fb68fc128ac90810658b6a3943b8864cae78ef579ba359d1445726a2f9db73f",
        source="youtube",
        columns=YOUTUBE_COLUMNS,
    ),
}


def source_of(file_name: str) -> str:
    """Return who wrote the comments of a file: twitter, youtube, kaggle, or unknown."""
    known = KNOWN_FILES.get(file_name)
    return known.source if known else "unknown"
