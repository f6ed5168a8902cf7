import type { Json } from '../api/json.ts';
import type { Rights, Standing } from './club.ts';

/** An administrator's, unless told otherwise. */
const rights = {
  can_be_edited: false,
  is_anonymous: false,
  can_manage_chat: true,
  can_delete_messages: true,
  can_manage_video_chats: true,
  can_restrict_members: true,
  can_promote_members: false,
  can_change_info: true,
  can_invite_users: true,
  can_post_stories: false,
  can_edit_stories: false,
  can_delete_stories: false,
};

/** Of who may only read. */
const restrictions = {
  can_send_messages: false,
  can_send_audios: false,
  can_send_documents: false,
  can_send_photos: false,
  can_send_videos: false,
  can_send_video_notes: false,
  can_send_voice_notes: false,
  can_send_polls: false,
  can_send_other_messages: false,
  can_add_web_page_previews: false,
  can_react_to_messages: false,
  can_edit_tag: false,
  can_change_info: false,
  can_invite_users: false,
  can_pin_messages: false,
  can_manage_topics: false,
};

/**
 * The Bot API's ChatMember.
 * @param user the Bot API's User
 * @param differing where an administrator's rights differ from all that a bot needs
 */
export function chatMember(
  user: Json,
  { status, until, isMember = true }: Standing,
  differing: Rights = {},
): Json {
  switch (status) {
    case 'creator':
      return { status, user, is_anonymous: false };
    case 'administrator':
      return { status, user, ...rights, ...differing };
    case 'restricted':
      return { status, user, is_member: isMember, ...restrictions, until_date: until };
    case 'kicked':
      return { status, user, until_date: until };
    default:
      return { status, user };
  }
}
