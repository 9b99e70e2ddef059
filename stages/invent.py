"""Stage invent: write the invented sample, whose comments depend on the seed alone."""

from stages.fetching.invented import invent_tables
from stages.pipeline.files import replacing
from stages.pipeline.parameters import load_params
from stages.pipeline.stage import run_stage


def main() -> None:
    seed = load_params("seed").seed
    with replacing("data/invented") as folder:
        folder.mkdir()
        for name, text in invent_tables(seed).items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    run_stage(main)
