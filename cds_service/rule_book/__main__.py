"""`python -m cds_service.rule_book`."""

from cds_service.rule_book import main

if __name__ == "__main__":
    main()
