"""Users and organizations: plain records that projects and tasks point to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcvat.errors import NotFoundError, ValidationError
from localcvat.listing import ListQuery
from localcvat.projects import create_project, get_project, list_projects, update_project
from localcvat.store.engine import Store
from localcvat.users import (
    create_organization,
    create_user,
    delete_organization,
    delete_user,
    list_organizations,
    list_users,
    read_user,
    update_user,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create(tmp_path / "store") as made:
        yield made


def test_users_are_made_found_changed_and_removed(store: Store) -> None:
    alice = create_user(store, "alice", first_name="A")
    update_user(store, alice, last_name="L")
    assert read_user(store, alice).last_name == "L"
    found = list_users(store, ListQuery(search="ALI", page_size=None)).results
    assert [user.username for user in found] == ["alice"]
    project_id = create_project(store, "p", owner_id=alice, assignee_id=alice)
    delete_user(store, alice)
    project = get_project(store, project_id)
    assert (project.owner, project.assignee) == (None, None)
    with pytest.raises(NotFoundError):
        read_user(store, alice)


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 151, "a/b"])
def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ValidationError, match="Enter a valid username"):
        create_user(store, name)


def test_names_and_slugs_are_taken_once(store: Store) -> None:
    create_user(store, "a")
    with pytest.raises(ValidationError, match="already exists"):
        create_user(store, "a")
    create_organization(store, "o")
    with pytest.raises(ValidationError, match="already exists"):
        create_organization(store, "o")
    for slug in ("", "a b", "x" * 17):
        with pytest.raises(ValidationError):
            create_organization(store, slug)


def test_an_unknown_user_is_no_owner_and_no_assignee(store: Store) -> None:
    project_id = create_project(store, "p")
    for field in ("owner_id", "assignee_id"):
        with pytest.raises(ValidationError) as caught:
            update_project(store, project_id, **{field: 99})
        assert set(caught.value.errors) == {field}


def test_only_a_real_change_of_assignee_sets_its_date(store: Store) -> None:
    alice = create_user(store, "alice")
    project_id = create_project(store, "p")
    update_project(store, project_id, assignee_id=None)
    assert get_project(store, project_id).assignee_updated_date is None
    update_project(store, project_id, assignee_id=alice)
    first = get_project(store, project_id).assignee_updated_date
    update_project(store, project_id, assignee_id=alice, name="q")
    assert get_project(store, project_id).assignee_updated_date == first is not None


def test_an_organization_goes_with_its_projects(store: Store) -> None:
    number = create_organization(store, "acme", "Acme")
    create_project(store, "in", organization="acme")
    create_project(store, "out")
    (found,) = list_organizations(store).results
    assert (found.slug, found.name) == ("acme", "Acme")
    delete_organization(store, number)
    assert [project.name for project in list_projects(store, ListQuery()).results] == ["out"]
    with pytest.raises(NotFoundError):
        create_project(store, "in", organization="acme")
